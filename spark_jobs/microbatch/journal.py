"""The journal of prepared batches: a batch's parts and facts, written down before its first commit.

A batch writes its parts, then this one small file (atomically, by rename), then commits table by table. Killed before the file is
there, nothing of the batch is visible and it is prepared anew. Killed after, the next start finds the file and commits what is
still missing: verdicts are never computed a second time, so they cannot come out differently, whatever contract, setting or
clock has changed in between.

Ingest, refine, gold runs and the swap of a rebuild all write down a :class:`PreparedBatch`; they differ in its facts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from spark_jobs.errors import TallyError
from spark_jobs.microbatch.offsets import SourceRange
from spark_jobs.microbatch.spark_notes import sync_notes
from spark_jobs.storage.files import make_folder, read_json, sync, write_json
from spark_jobs.storage.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Batches of a query that its journal keeps; all but the newest are committed long since.
KEEP = 3
#: The form of a journal's file. Files of earlier releases name none, and are read too.
FORMAT = 2
#: What every Parquet file ends with.
MAGIC = b"PAR1"

#: Keys of rows to be deleted: whole numbers, or any other type's text.
Keys = tuple[int, ...] | tuple[str, ...]


class JournalError(TallyError):
    """A prepared batch cannot be read back, or cannot be finished. ``reason``: what is wrong with its file."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a batch, which it has besides its parts: fields of plain values; by default none.

    A journal's file has a member for each field. Fields that this release does not know are passed over when it is read.
    """

    def to_json(self) -> dict[str, Any]:
        """Return the plain form, which :meth:`from_json` reads back."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Return the facts of that plain form, also as earlier releases wrote it. TypeError where one is lacking."""
        return cls(**{each.name: plain[each.name] for each in fields(cls) if each.name in plain})


F = TypeVar("F", bound=Facts)


@dataclass(frozen=True, slots=True)
class PreparedBatch(Generic[F]):
    """A batch that is ready to be committed.

    ``batch_id``: the version under which ``writer`` commits it to each table. ``parts``: files that are written and not visible
    yet. ``deleted_keys``: by table, the keys whose rows go without a part bringing them back. ``source``: the range of the
    streaming source that it was made of. Of earlier releases' files ``writer`` is empty and ``source`` None.
    """

    batch_id: int
    parts: tuple[Part, ...]
    facts: F
    writer: str = ""
    source: SourceRange | None = None
    deleted_keys: Mapping[str, Keys] = field(default_factory=dict)

    def rows(self, table: str) -> int:
        """Return how many rows the parts of one table hold, by the parts' own footers."""
        return sum(part.rows for part in self.parts if part.table == table)

    def parts_of(self, table: str) -> list[Part]:
        """Return the parts of one table."""
        return [part for part in self.parts if part.table == table]

    def lost_parts(self, paths_by_table: Mapping[str, str]) -> list[str]:
        """Return the parts (``table: path``) that are not on disk as they were written, of the tables whose paths are given.

        Give those to which this batch is not committed (``append.is_committed``): their parts can fall to VACUUM, which
        sweeps old uncommitted files, or to a power cut, and a commit would name files that no reader finds. Committed
        parts may rightly be gone, by compaction.
        """
        return [
            f"{part.table}: {part.path}"
            for part in self.parts
            if part.table in paths_by_table and not _is_whole(Path(paths_by_table[part.table]) / part.path, part.size)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the plain form of the journal's file."""
        return {
            "format": FORMAT,
            "batch_id": self.batch_id,
            "writer": self.writer,
            "source": None if self.source is None else self.source.to_json(),
            "parts": [part.to_json() for part in self.parts],
            "deleted_keys": {table: list(keys) for table, keys in self.deleted_keys.items()},
            "facts": self.facts.to_json(),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], facts: type[F]) -> PreparedBatch[F]:
        """Return the batch of that plain form. Before format 2 writer, source and keys stood among a query's facts."""
        older = plain["facts"] if "format" not in plain else {}
        source = plain.get("source", older.get("made_of"))
        deleted = plain.get("deleted_keys", older.get("gone", {}))
        return cls(
            batch_id=plain["batch_id"],
            parts=tuple(Part.from_json(part) for part in plain["parts"]),
            facts=facts.from_json(plain["facts"]),
            writer=plain.get("writer", older.get("query_id", "")),
            source=None if source is None else SourceRange.from_json(source),
            deleted_keys={table: tuple(keys) for table, keys in deleted.items()},
        )


def _is_whole(path: Path, size: int) -> bool:
    """True if the file has its size and Parquet's ending: a power cut can leave one of the right size that is all zeros."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        file.seek(-min(size, len(MAGIC)), os.SEEK_END)
        return file.read() == MAGIC


def write_batch(path: Path, batch: PreparedBatch[Any]) -> None:
    """Write a batch's journal file: all of it, on disk, or nothing. Done twice, the second takes the first one's place."""
    make_folder(path.parent)
    write_json(path, batch.to_json())


def read_batch(
    path: Path, facts: type[F], older: Callable[[Mapping[str, Any]], PreparedBatch[F]] | None = None
) -> PreparedBatch[F] | None:
    """Return the batch of a journal file; None where there is no file. JournalError where it is empty or cut off.

    ``older`` reads files of earlier releases, which name no format; unless given they are those of a query.
    """
    if not path.exists():
        return None
    try:
        plain = read_json(path)
        if "format" not in plain and older is not None:
            return older(plain)
        return PreparedBatch.from_json(plain, facts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JournalError(f"{path} is cut off", f"{type(error).__name__}: {error}") from None


def remove_batch(path: Path) -> None:
    """Remove the journal file of a batch that is committed, also from disk."""
    path.unlink()
    sync(path.parent)


class Journal(Generic[F]):
    """Prepared batches of one query, a file each beside its checkpoint (and gone with it)."""

    def __init__(self, checkpoint: Path, facts: type[F]) -> None:
        self._checkpoint = checkpoint
        self._folder = checkpoint / "prepared"
        self._facts = facts

    def load(self, batch_id: int) -> PreparedBatch[F] | None:
        """Return a batch; None where it was never completed. JournalError where its file is empty or cut off."""
        return read_batch(self._path(batch_id), self._facts)

    def numbers(self) -> list[int]:
        """Return the numbers of its batches, the newest first; only that one can be without some of its commits."""
        return sorted((int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal()), reverse=True)

    def discard(self, batch_id: int) -> None:
        """Remove a batch of which nothing is visible and that cannot be committed any more: it is prepared anew."""
        self._path(batch_id).unlink(missing_ok=True)

    def save(self, batch: PreparedBatch[F]) -> None:
        """Write the batch down. Older batches, long committed, are removed."""
        sync_notes(self._checkpoint)  # what Spark planned the batch from is never less on disk than what came of it
        write_batch(self._path(batch.batch_id), batch)
        self._remove(batch.batch_id - KEEP)

    def _remove(self, until: int) -> None:
        for path in self._folder.glob("*.json"):
            if path.stem.isdecimal() and int(path.stem) <= until:
                path.unlink(missing_ok=True)

    def _path(self, batch_id: int) -> Path:
        return self._folder / f"{batch_id}.json"
