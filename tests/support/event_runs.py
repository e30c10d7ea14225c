"""Runs of the event generator for tests: what was written, what the manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generator.events.options import EventOptions
from generator.events.run import run_events
from generator.manifest import ManifestRow, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from generator.delivery import FileReport, RunReport


@dataclass(frozen=True)
class Run:
    """A finished run: where it wrote, what it said."""

    options: EventOptions
    report: RunReport
    files: list[FileReport]

    @property
    def landing(self) -> Path:
        return self.options.out

    def rows(self) -> list[ManifestRow]:
        return [*read_manifest(self.options.manifest, self.landing)]

    def rows_by_source(self) -> dict[str, list[ManifestRow]]:
        found: dict[str, list[ManifestRow]] = {file.source: [] for file in self.files}
        for row in self.rows():
            found[row.source].append(row)
        return found

    def bytes_by_name(self) -> dict[str, bytes]:
        """Everything on disk, manifest and stray files included."""
        paths = [*self.landing.rglob("*"), self.options.manifest]
        return {path.name: path.read_bytes() for path in sorted(paths) if path.is_file()}


def generate(folder: Path, **wanted: Any) -> Run:
    """Run the generator at full speed into ``folder``."""
    base: dict[str, Any] = {"out": folder / "landing", "manifest": folder / "manifest.jsonl", "every_seconds": 0}
    options = EventOptions(**(base | wanted))
    files: list[FileReport] = []
    return Run(options, run_events(options, files.append), files)
