"""The ledger of prepared batches: what a batch will commit, written down before its first commit.

A batch writes its parts, then this one small file (atomically, by rename), then commits table by table. Killed before
the file is there, nothing of the batch is visible and it is judged anew. Killed after, the next start finds the file
and commits what is still missing: the verdicts are never computed a second time, so they cannot come out differently,
whatever contract, setting or clock has changed in between.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import TallyError
from spark_jobs.microbatch.spark_notes import checkpoint_id, sync_progress
from spark_jobs.storage.attempt import attempt
from spark_jobs.storage.files import make_folder, write_json
from spark_jobs.storage.parts import Part
from spark_jobs.storage.parts_on_disk import sync_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spark_jobs.storage.table import Table

KEEP = 3
#: What every Parquet file ends with.
MAGIC = b"PAR1"


class LedgerError(TallyError):
    """What was prepared of a batch cannot be read back."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to commit: its parts, and the facts its books will state.

    Of facts, ``query_id`` is who prepared it and ``made_of`` what Spark had handed over (see ``microbatch.offsets``); ledgers of
    earlier releases lack both.
    """

    batch_id: int
    parts: tuple[Part, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def rows(self, table: str) -> int:
        """How many rows the parts of one table hold, by the parts' own footers."""
        return sum(part.rows for part in self.parts if part.table == table)

    def lost(self, paths_by_table: Mapping[str, str]) -> list[str]:
        """The parts (``table: path``) that are not on disk as they were written, of the tables whose paths are given.

        Give those to which this batch is not committed (``commit.is_committed``): their parts can fall to VACUUM, which
        sweeps old uncommitted files, or to a power cut, and a commit would name files that no reader finds. Committed
        parts may rightly be gone, by compaction.
        """
        return [
            f"{part.table}: {part.path}"
            for part in self.parts
            if part.table in paths_by_table and not _is_whole(Path(paths_by_table[part.table]) / part.path, part.size)
        ]

    def of(self, table: str) -> list[Part]:
        """The parts of one table."""
        return [part for part in self.parts if part.table == table]


def _is_whole(path: Path, size: int) -> bool:
    """A power cut can leave a file of the right size in which nothing but zeros is."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        file.seek(-min(size, len(MAGIC)), os.SEEK_END)
        return file.read() == MAGIC


class Ledger:
    """Prepared batches of one query, beside its checkpoint (and gone with it)."""

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        self._folder = checkpoint / "prepared"

    def load(self, batch_id: int) -> Prepared | None:
        """The prepared batch, or None where it was never completed. LedgerError where its file is empty or cut off."""
        path = self._path(batch_id)
        if not path.exists():
            return None
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return Prepared(plain["batch_id"], tuple(Part.from_json(part) for part in plain["parts"]), plain["facts"])
        except (ValueError, KeyError, TypeError):
            raise LedgerError(f"{path} is cut off") from None

    def numbers(self) -> list[int]:
        """The batches that it holds, the youngest first; only that one can be without some of its commits."""
        return sorted((int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal()), reverse=True)

    def strike(self, batch_id: int) -> None:
        """Forget a batch of which nothing is visible and that cannot be committed any more: it is done anew."""
        self._path(batch_id).unlink(missing_ok=True)

    def save(self, prepared: Prepared) -> None:
        """Write the batch down: all of it, on disk, or nothing. Older batches, long committed, are forgotten."""
        make_folder(self._folder)
        plain = {
            "batch_id": prepared.batch_id,
            "parts": [part.to_json() for part in prepared.parts],
            "facts": prepared.facts,
        }
        sync_progress(self._checkpoint)  # what Spark planned the batch from is never less on disk than what came of it
        write_json(self._path(prepared.batch_id), plain)
        self._forget(prepared.batch_id - KEEP)

    def _forget(self, until: int) -> None:
        for path in self._folder.glob("*.json"):
            if path.stem.isdecimal() and int(path.stem) <= until:
                path.unlink(missing_ok=True)

    def _path(self, batch_id: int) -> Path:
        return self._folder / f"{batch_id}.json"


def query_id(checkpoint: Path) -> str:
    """The id that Spark gave this checkpoint; a deleted checkpoint gets a new one, and so new writers."""
    return checkpoint_id(checkpoint)


def prepared_by(work: Callable[[], Prepared], ledger: Ledger, tables: Sequence[Table]) -> Prepared:
    """The batch that ``work`` prepares, in the ledger: its parts are on disk before. Failed, nothing of it is left."""
    with attempt(tables):
        prepared = work()
        sync_parts(prepared.parts, tables)
        ledger.save(prepared)
    return prepared
