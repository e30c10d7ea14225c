"""Tells how far refine has read Bronze, by its checkpoint and Bronze's log. Starts no Spark and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.status import latest_query
from spark_jobs.errors import UsageError
from spark_jobs.lake import of_subject
from spark_jobs.landing.spark_source import path_of
from spark_jobs.microbatch.commit import committed_to
from spark_jobs.microbatch.journal import Journal
from spark_jobs.microbatch.offsets import Offset, last, listed, offset
from spark_jobs.microbatch.spark_notes import has_begun, query_id
from spark_jobs.queries.books import RefineFacts
from spark_jobs.storage.add_actions import add_actions, count_rows
from spark_jobs.storage.delta_log import entries_from, has_entry
from spark_jobs.storage.live_files import LiveFile, read_live
from spark_jobs.storage.open_tables import open_table, open_table_at
from spark_jobs.storage.scans import read_partition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table


def waiting_rows(lake: Lake, subject: Subject) -> int:
    """Count the rows of Bronze that refine has not read yet: those after the place where the last batch in the books ended.

    Rows before that place that have no verdict do not count. Where nothing says where that batch ended, all rows of Bronze count
    less those that the newest query has read by the books.
    """
    until = _booked_until(lake, subject)
    beyond = None if until is None else _rows_beyond(lake.bronze(subject), until)
    if beyond is not None:
        return beyond
    books = read_partition(lake.batch_quality, of_subject(subject.name))
    latest = latest_query(lake, subject.name, books)
    own = books if latest is None else books.filter(pc.equal(books["query_id"], latest))
    return count_rows(lake.bronze(subject)) - int(pc.sum(own["rows_read"]).as_py() or 0)


def skipped_files(lake: Lake, landing_root: Path, subject: Subject, waiting: Sequence[str]) -> list[str]:
    """Return those of the waiting files that ingest's checkpoint counts as landed: Spark never hands them over again."""
    checkpoint = lake.checkpoint(subject.name, "ingest")
    done = last(checkpoint / "commits") if waiting else None
    until = None if done is None else offset(checkpoint, done)
    if until is None:
        return []
    handed_over = set(listed(checkpoint, -1, until["logOffset"]))
    return [source for source in waiting if path_of(source, landing_root) in handed_over]


def waiting_since(lake: Lake, subject: Subject) -> datetime | None:
    """Return the least reading time (ingested_at) of the rows of Bronze that wait for refine; None where none waits.

    Refine reads Bronze commit by commit, and reading times ascend from each to the next. UsageError where it stopped within a
    commit, or half-way through committing a batch: then no moment separates the rows in the tables from those that wait.
    """
    name, until = subject.name, _booked_until(lake, subject)
    if until is None:
        if waiting_rows(lake, subject):
            raise UsageError(f"rows of '{name}' wait, and by no checkpoint can they be told: {_way_out(name)}")
        return None
    _require_committed(lake, subject)
    if until["isStartingVersion"] or until["index"] >= 0:
        raise UsageError(
            f"refine of '{name}' stopped within version {until['reservoirVersion']} of Bronze: {_way_out(name)}"
        )
    return _first_reading(lake.bronze(subject), until["reservoirVersion"])


def _require_committed(lake: Lake, subject: Subject) -> None:
    checkpoint = lake.checkpoint(subject.name, "refine")
    newest = max(Journal(checkpoint, RefineFacts).numbers(), default=-1)
    done = committed_to(newest, lake.refine_tables(subject), query_id(checkpoint)) if newest >= 0 else []
    if done and lake.batch_quality not in done:
        raise UsageError(
            f"batch {newest} of '{subject.name}' was interrupted while it was committed: {_way_out(subject.name)}"
        )


def _way_out(subject: str) -> str:
    return f"let it finish with `tally stream {subject} --once`, then verify again"


def _booked_until(lake: Lake, subject: Subject) -> Offset | None:
    """Return where in Bronze the last batch in the current query's books ended; None where that is not known.

    Its journal says so; for batches of earlier releases Spark's plan does.
    """
    checkpoint = lake.checkpoint(subject.name, "refine")
    if not has_begun(checkpoint):
        return None
    books = read_partition(lake.batch_quality, of_subject(subject.name))
    number = pc.max(books.filter(pc.equal(books["query_id"], query_id(checkpoint)))["batch_id"]).as_py()
    if number is None:
        return None
    batch = Journal(checkpoint, RefineFacts).load(number)
    return offset(checkpoint, number) if batch is None or batch.source is None else batch.source.until


def _rows_beyond(bronze: Table, until: Offset) -> int | None:
    """Count the rows that Bronze's log names after a place in it; None where its entries there are cleaned away.

    A query begins with the table at one version, its files in Delta's order, and goes on commit by commit.
    """
    version, index = until["reservoirVersion"], until["index"]
    rows = 0
    if until["isStartingVersion"]:
        files = add_actions(open_table_at(bronze.path, version))
        ordered = files.sort_by([("modification_time", "ascending"), ("path", "ascending")])
        rows = pc.sum(ordered["num_records"].slice(index + 1)).as_py() or 0
        version, index = version + 1, -1
    newest = open_table(bronze.path)
    if newest is None or (version <= newest.version() and not has_entry(bronze.path, version)):
        return None
    first = True
    for adds in _entries_from(bronze, version):
        new = adds[max(index, -1) + 1 :] if first else adds
        rows, first = rows + sum(json.loads(add["stats"])["numRecords"] for add in new), False
    return rows


def _first_reading(bronze: Table, version: int) -> datetime | None:
    """Return the least reading time among the rows that Bronze's commits from ``version`` on have added."""
    schema = pa.schema([bronze.schema.field("ingested_at")])
    least = [
        pc.min(rows["ingested_at"]).as_py() for file in _added_from(bronze, version) for rows in read_live(file, schema)
    ]
    return min((moment for moment in least if moment is not None), default=None)


def _added_from(bronze: Table, version: int) -> list[LiveFile]:
    """Return the files whose rows are new in the commits from ``version`` on."""
    root = Path(bronze.path)
    return [
        LiveFile(root, add["path"], add["partitionValues"]) for adds in _entries_from(bronze, version) for add in adds
    ]


def _entries_from(bronze: Table, version: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the add actions of each commit whose rows are new; not those of rows that were only moved (OPTIMIZE)."""
    for actions in entries_from(bronze.path, version):
        yield [action["add"] for action in actions if action.get("add", {}).get("dataChange")]
