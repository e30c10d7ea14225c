"""How things stand, read from the logs of tables and from small tables, without Spark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sinks.commit import open_snapshot, open_table
from spark_jobs.sources.landing import waiting_files
from spark_jobs.sources.opened import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table


@dataclass(frozen=True, slots=True)
class FileStanding:
    """Landed files that the lake has not taken in: new ones wait; a rewritten one is never read again by Spark's file source."""

    waiting: tuple[str, ...]
    rewritten: tuple[str, ...]


def count(table: Table, subject: str | None = None) -> int:
    """Rows of a table by its log, all or one subject's; those that a deletion vector deletes are none."""
    if table.keyed:
        return live_count(table)
    found = open_table(table.path)
    if found is None:
        return 0
    adds = pa.table(found.get_add_actions(flatten=True))
    if subject is not None and adds.num_rows:
        adds = adds.filter(pc.equal(adds["partition.subject"], subject))
    return pc.sum(adds["num_records"]).as_py() or 0 if adds.num_rows else 0


def live_count(table: Table) -> int:
    """Rows of a keyed table by its log."""
    snapshot = open_snapshot(table.path)
    adds = snapshot.files.values() if snapshot is not None else []
    held = [int(json.loads(add.get("stats") or "{}").get("numRecords") or 0) for add in adds]
    return sum(held) - sum(int(add.get("deletionVector", {}).get("cardinality", 0)) for add in adds)


def own_rows(table: Table, subject: str) -> pa.Table:
    """One subject's rows of a small table, all columns; none where the table is not there yet."""
    found = open_table(table.path)
    if found is None:
        return table.schema.empty_table()
    return found.to_pyarrow_table(filters=[("subject", "=", subject)])


def file_standing(lake: Lake, landing_root: Path, subject: Subject) -> FileStanding:
    """Compare the landing folder with the ingest ledger, by name, size, time of change and then content.

    A file of no bytes holds no row, and Spark's file source never hands it on: it does not wait.
    """
    ledger = own_rows(lake.files, subject.name)
    read = {row["source"]: row for row in ledger.sort_by("ingested_at").to_pylist()}
    waiting, rewritten = [], []
    root = landing_root.resolve()
    for path in waiting_files(root / subject.name):
        source = path.relative_to(root).as_posix()
        if source not in read:
            waiting += [source] if path.stat().st_size else []
        elif _is_rewritten(path, read[source]):
            rewritten.append(source)
    return FileStanding(tuple(waiting), tuple(rewritten))


def _is_rewritten(path: Path, read: dict[str, Any]) -> bool:
    """Whether a file's content is another than was read; one that was only touched is not."""
    stat = path.stat()
    changed = datetime.fromtimestamp(int(stat.st_mtime * 1000) / 1000, UTC)
    if (stat.st_size, changed) == (read["bytes"], read["source_time"]):
        return False
    with path.open("rb") as file:
        return bool(fingerprint(file) != read["source_fingerprint"])
