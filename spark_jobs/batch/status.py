"""The state of each subject: rows by table, the last batches, what is wrong. Reads logs and books, starts no Spark."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.landing.backlog import FileBacklog, file_backlog
from spark_jobs.microbatch.lock import is_held
from spark_jobs.microbatch.spark_notes import query_id
from spark_jobs.microbatch.stream_state import QueryState, read_stream_state
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.scans import read_partition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.publish.state import PublishingState

LAST_BATCHES = 5
#: The figures of the books that are summed over all batches.
_SUMMED = ("rows_read", "accepted", "late", "duplicate", "dead_letter", "control", "unaccounted")
#: Files set aside that are named one by one.
FEW = 20


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
    files: FileBacklog
    queries: tuple[QueryState, ...]
    last_batches: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json."""
        queries = [query.to_json() for query in self.queries]
        return {**asdict(self), "queries": queries, "healthy": not self.problems}


def read_status(lake: Lake, landing_root: Path, subjects: Sequence[Subject]) -> list[SubjectStatus]:
    """Return the status of each subject; of one that is not in the lake yet, with zeros."""
    return [_subject_status(lake, landing_root, subject) for subject in subjects]


def _subject_status(lake: Lake, landing_root: Path, subject: Subject) -> SubjectStatus:
    rows, books = _rows_by_table(lake, subject), read_partition(lake.batch_quality, of_subject(subject.name))
    latest = latest_query(lake, subject.name, books)
    sums = {name: pc.sum(books[name]).as_py() or 0 for name in _SUMMED} if books.num_rows else dict.fromkeys(_SUMMED, 0)
    files = file_backlog(lake, landing_root, subject)
    streaming = is_held(lake.lock(subject.name))
    queries = read_stream_state(lake, subject.name, streaming=streaming)
    return SubjectStatus(
        subject=subject.name,
        version=subject.latest.version,
        streaming=streaming,
        rows=rows,
        books=sums,
        not_refined=rows["bronze"] - _rows_read_by(latest, books),
        watermark=pc.max(books["watermark"]).as_py() if books.num_rows else None,
        files=files,
        queries=queries,
        last_batches=tuple(_last_batches(books, latest)),
        problems=tuple(_problems(sums, files, queries)),
    )


def _rows_by_table(lake: Lake, subject: Subject) -> dict[str, int]:
    rows = {
        "bronze": count_rows(lake.bronze(subject)),
        "accepted": count_rows(lake.accepted(subject)),
        "silver": count_rows(lake.silver(subject)),
        "duplicates": count_rows(lake.duplicates, of_subject(subject.name)),
        "dead_letters": count_rows(lake.dead_letters, of_subject(subject.name)),
    }
    if (history := lake.history(subject)) is not None:
        rows["history"] = count_rows(history)
    return rows


def _rows_read_by(query: str | None, books: pa.Table) -> int:
    if query is None:
        return 0
    return int(pc.sum(books.filter(pc.equal(books["query_id"], query))["rows_read"]).as_py() or 0)


def _last_batches(books: pa.Table, latest: str | None) -> list[dict[str, Any]]:
    return list(_newest_first(books, latest).slice(0, LAST_BATCHES).to_pylist()) if books.num_rows else []


def with_publishing(
    lake: Lake, subjects: Sequence[Subject], statuses: Sequence[SubjectStatus], publishing: PublishingState | None
) -> list[dict[str, Any]]:
    """Return the JSON form of each status, with the state of the published tables that hold the subject's rows."""
    plain = None if publishing is None else publishing.to_json()
    return [
        {**one.to_json(), "publishing": plain and {**plain, "tables": _of_subject(lake, subject, plain["tables"])}}
        for subject, one in zip(subjects, statuses, strict=True)
    ]


def _of_subject(lake: Lake, subject: Subject, tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the published tables that hold rows of the subject, its own and those that all subjects share."""
    history = lake.history(subject)
    own = {lake.bronze(subject).name, lake.silver(subject).name, lake.dead_letters.name, lake.batch_quality.name}
    own |= {history.name} if history is not None else set()
    return [table for table in tables if table["lake_table"] in own]


def _problems(sums: dict[str, int], files: FileBacklog, queries: Sequence[QueryState]) -> list[str]:
    problems = [query.problem for query in queries if query.problem is not None]
    if sums["unaccounted"]:
        problems.append(f"{sums['unaccounted']} rows are unaccounted for: run tally audit")
    problems += [
        f"{name} was rewritten after it was read: drop the new content under a new name" for name in files.rewritten
    ]
    few = list(files.aside.items())[:FEW]
    problems += [
        f"{name} is set aside ({why}): mend it and drop it under a new name, or remove it" for name, why in few
    ]
    if len(files.aside) > FEW:
        problems.append(f"{len(files.aside) - FEW:,} more are set aside: --json names all")
    return problems


def _newest_first(books: pa.Table, latest: str | None) -> pa.Table:
    """Sort the newest query's batches by their numbers, as a clock may have been set back; then come those of earlier queries."""
    own = pc.equal(books["query_id"], latest)
    ordered = books.filter(own).sort_by([("batch_id", "descending")])
    return pa.concat_tables([ordered, books.filter(pc.invert(own)).sort_by([("started_at", "descending")])])


def latest_query(lake: Lake, subject: str, books: pa.Table) -> str | None:
    """Return the id of the refine query that wrote the newest of the books; None where there are no books.

    That is the query of the checkpoint, as earlier ones ended with theirs; where the checkpoint is gone, or new and without
    books, the clock decides.
    """
    if not books.num_rows:
        return None
    with suppress(Exception):  # whatever is wrong with a checkpoint, the stream says it
        if (own := query_id(lake.checkpoint(subject, "refine"))) in pc.unique(books["query_id"]).to_pylist():
            return own
    return str(books.sort_by([("started_at", "descending")])["query_id"][0].as_py())
