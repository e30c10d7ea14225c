"""How far refine has come in Bronze, by its checkpoint and Bronze's log. Starts no Spark and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.status import latest_query
from spark_jobs.errors import UsageError
from spark_jobs.sinks.ledger import query_id
from spark_jobs.sinks.settle import committed_to
from spark_jobs.sources.live_files import LiveFile, read_live
from spark_jobs.sources.standing import count, own_rows

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table


def waiting_rows(lake: Lake, subject: Subject) -> int:
    """Rows of Bronze that refine has not read yet, by the books of its newest query."""
    books = own_rows(lake.batch_quality, subject.name)
    own = (
        books.filter(pc.equal(books["query_id"], latest_query(lake, subject.name, books))) if books.num_rows else books
    )
    return count(lake.bronze(subject)) - int(pc.sum(own["rows_read"]).as_py() or 0)


def refined_before(lake: Lake, subject: Subject) -> datetime | None:
    """The reading time from which on rows of Bronze wait; None where none does.

    Refine reads Bronze commit by commit, and reading times ascend from each to the next. UsageError where it stopped within a
    commit, or half-way through committing a batch: then no moment parts what is in the tables from what waits.
    """
    name = subject.name
    checkpoint = lake.checkpoint(name, "refine")
    done, begun = _last(checkpoint / "commits"), _last(checkpoint / "offsets")
    if done is None:
        if waiting_rows(lake, subject):
            raise UsageError(f"rows of '{name}' wait, and by no checkpoint can they be told: {_way_out(name)}")
        return None
    if begun is not None and begun > done and committed_to(begun, lake.judged(subject), query_id(checkpoint)):
        raise UsageError(f"batch {begun} of '{name}' was interrupted while it was committed: {_way_out(name)}")
    offset = _offset(checkpoint / "offsets" / str(done))
    if offset["isStartingVersion"] or offset["index"] >= 0:
        raise UsageError(
            f"refine of '{name}' stopped within version {offset['reservoirVersion']} of Bronze: {_way_out(name)}"
        )
    return _first_reading(lake.bronze(subject), offset["reservoirVersion"])


def _way_out(subject: str) -> str:
    return f"let it finish with `tally stream {subject} --once`, then verify again"


def _last(folder: Path) -> int | None:
    numbers = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
    return max(numbers, default=None)


def _offset(path: Path) -> dict[str, Any]:
    """Where a batch ended in Bronze: the last line is the Delta source's, the only one of the query."""
    return dict(json.loads(path.read_text(encoding="utf-8").splitlines()[-1]))


def _first_reading(bronze: Table, version: int) -> datetime | None:
    """The least reading time among the rows that Bronze's commits from ``version`` on have added."""
    schema = pa.schema([bronze.schema.field("ingested_at")])
    least = [
        pc.min(rows["ingested_at"]).as_py() for file in _added_from(bronze, version) for rows in read_live(file, schema)
    ]
    return min((moment for moment in least if moment is not None), default=None)


def _added_from(bronze: Table, version: int) -> list[LiveFile]:
    """Files whose rows are new in these commits; those that only lie elsewhere than before (OPTIMIZE) are not."""
    found, root = [], Path(bronze.path)
    while (entry := root / "_delta_log" / f"{version:020}.json").exists():
        actions = [json.loads(line) for line in entry.read_text(encoding="utf-8").split("\n") if line]
        adds = [action["add"] for action in actions if action.get("add", {}).get("dataChange")]
        found += [LiveFile(root, add["path"], add["partitionValues"]) for add in adds]
        version += 1
    return found
