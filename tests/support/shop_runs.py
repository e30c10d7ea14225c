"""Runs of the shop for tests: what was written, what the manifest says, what the oracle reads."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.run import write_shop
from generator.manifest import ManifestRow, read_manifest
from support.change_contract_oracle import Read, read_file

if TYPE_CHECKING:
    from pathlib import Path

    from generator.delivery import RunReport


@dataclass(frozen=True)
class ShopRun:
    """A finished run; what was read of its files is kept, as reading takes longer than writing."""

    folder: Path
    report: RunReport
    subjects: tuple[str, ...]
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def manifest(self, subject: str) -> Path:
        return self.folder / "manifests" / f"{subject}.jsonl"

    def rows_by_file(self, subject: str) -> dict[str, list[ManifestRow]]:
        """The manifest's rows by file, in the order delivered; files without rows are left out."""
        found: dict[str, list[ManifestRow]] = {}
        for row in read_manifest(self.manifest(subject), self.landing):
            found.setdefault(row.source, []).append(row)
        return found

    def read(self, subject: str, source: str) -> list[Read]:
        data = (self.landing / source).read_bytes()
        return read_file(subject, gzip.decompress(data) if source.endswith(".gz") else data)

    def judged(self, subject: str) -> list[tuple[ManifestRow, Read, str]]:
        """Every row with the oracle's verdict and outcome, the first of a change id winning."""
        if ("judged", subject) not in self._kept:
            self._kept["judged", subject] = self._judged(subject)
        return cast("list[tuple[ManifestRow, Read, str]]", self._kept["judged", subject])

    def _judged(self, subject: str) -> list[tuple[ManifestRow, Read, str]]:
        found, seen = [], set()
        for source, rows in self.rows_by_file(subject).items():
            for row, read in zip(rows, self.read(subject, source), strict=True):
                outcome = "dead_letter" if read.reasons else "duplicate" if read.change_id in seen else "accepted"
                seen |= {read.change_id} if outcome == "accepted" else set()
                found.append((row, read, outcome))
        return found

    def accepted(self, subject: str, *, ordinary: bool = False) -> list[Read]:
        return [
            read
            for row, read, outcome in self.judged(subject)
            if outcome == "accepted" and not (ordinary and row.fault)
        ]

    def truth(self, subject: str) -> dict[str, dict[str, Any]]:
        if ("truth", subject) not in self._kept:
            text = (self.folder / "manifests" / f"{subject}.truth.jsonl").read_text("utf-8")
            self._kept["truth", subject] = {line["key"][0]: line for line in map(json.loads, text.splitlines())}
        return cast("dict[str, dict[str, Any]]", self._kept["truth", subject])

    def bytes_by_name(self) -> dict[str, bytes]:
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


def shop(folder: Path, subjects: tuple[str, ...] = SHOP_SUBJECTS, **wanted: Any) -> ShopRun:
    """Write a small shop's files."""
    base: dict[str, Any] = {"files": 12, "customers": 60, "products": 30, "orders": 300}
    return ShopRun(folder, write_shop(folder, subjects, **(base | wanted)), subjects)
