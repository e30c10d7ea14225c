"""The lake at a glance: rows per table, the last batches, the health of each subject. Reads logs of tables, starts no Spark."""

from __future__ import annotations

import fcntl
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import Lake, Table
from spark_jobs.sinks.commit import open_table
from spark_jobs.sources.landing import waiting_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schema_registry.registry import Subject

LAST_BATCHES = 5


@dataclass(frozen=True, slots=True)
class FileStanding:
    """Landed files that the lake has not taken in: new ones wait; a rewritten one is never read again by Spark's file source."""

    waiting: tuple[str, ...]
    rewritten: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """One subject: rows by table, sums of the books, the watermark, files, its last batches, and what is wrong."""

    subject: str
    version: int
    streaming: bool
    rows: dict[str, int]
    books: dict[str, int]
    not_refined: int
    watermark: datetime | None
    files: FileStanding
    last_batches: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain form for --json."""
        return {**asdict(self), "healthy": not self.problems}


def status(lake: Lake, landing_root: Path, subjects: Sequence[Subject]) -> list[SubjectStatus]:
    """The standing of each subject that has a table in the lake or a file in the landing folder."""
    return [_standing(lake, landing_root, subject) for subject in subjects]


def _standing(lake: Lake, landing_root: Path, subject: Subject) -> SubjectStatus:
    rows = {
        "bronze": count(lake.bronze(subject)),
        "silver": count(lake.silver(subject)),
        "duplicates": count(lake.duplicates, subject.name),
        "dead_letters": count(lake.dead_letters, subject.name),
    }
    books = _own(lake.batch_quality, subject.name)
    sums = {name: pc.sum(books[name]).as_py() or 0 for name in _SUMMED} if books.num_rows else dict.fromkeys(_SUMMED, 0)
    latest = latest_query(books)
    read = pc.sum(books.filter(pc.equal(books["query_id"], latest))["rows_read"]).as_py() or 0 if latest else 0
    files = file_standing(lake, landing_root, subject)
    watermark = pc.max(books["watermark"]).as_py() if books.num_rows else None
    last = books.sort_by([("started_at", "descending")]).slice(0, LAST_BATCHES).to_pylist() if books.num_rows else []
    return SubjectStatus(
        subject=subject.name,
        version=subject.latest.version,
        streaming=_locked(lake, subject.name),
        rows=rows,
        books=sums,
        not_refined=rows["bronze"] - read,
        watermark=watermark,
        files=files,
        last_batches=tuple(last),
        problems=tuple(_problems(sums, files)),
    )


_SUMMED = ("rows_read", "accepted", "late", "duplicate", "dead_letter", "control", "unaccounted")


def _problems(sums: dict[str, int], files: FileStanding) -> list[str]:
    found = []
    if sums["unaccounted"]:
        found.append(f"{sums['unaccounted']} rows are unaccounted for: run tally audit")
    found += [f"{name} was rewritten after it was read: drop the new content under a new name" for name in files.rewritten]
    return found


def count(table: Table, subject: str | None = None) -> int:
    """Rows of a table by its log, all or one subject's."""
    found = open_table(table.path)
    if found is None:
        return 0
    adds = pa.table(found.get_add_actions(flatten=True))
    if subject is not None and adds.num_rows:
        adds = adds.filter(pc.equal(adds["partition.subject"], subject))
    return pc.sum(adds["num_records"]).as_py() or 0 if adds.num_rows else 0


def _own(table: Table, subject: str) -> pa.Table:
    found = open_table(table.path)
    if found is None:
        return table.schema.empty_table()
    return found.to_pyarrow_table(filters=[("subject", "=", subject)])


def latest_query(books: pa.Table) -> str | None:
    """The refine query that wrote the newest of the books: earlier ones ended with their checkpoint."""
    if not books.num_rows:
        return None
    return str(books.sort_by([("started_at", "descending")])["query_id"][0].as_py())


def file_standing(lake: Lake, landing_root: Path, subject: Subject) -> FileStanding:
    """Compare the landing folder with the ingest ledger, by name, size and time of change."""
    ledger = _own(lake.files, subject.name)
    read: dict[str, tuple[int, datetime]] = {}
    for row in ledger.sort_by("ingested_at").to_pylist():
        read[row["source"]] = (row["bytes"], row["source_time"])
    waiting, rewritten = [], []
    root = landing_root.resolve()
    for path in waiting_files(root / subject.name):
        source = path.relative_to(root).as_posix()
        stat = path.stat()
        if source not in read:
            waiting.append(source)
        elif read[source] != (stat.st_size, datetime.fromtimestamp(int(stat.st_mtime * 1000) / 1000, UTC)):
            rewritten.append(source)
    return FileStanding(tuple(waiting), tuple(rewritten))


def _locked(lake: Lake, subject: str) -> bool:
    """Whether a live stream holds the subject's lock."""
    path = lake.lock(subject)
    if not path.exists():
        return False
    with path.open("r", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
