"""The record of gold runs: what each was to do, what it did and judged, and what it leaves to later runs.

The newest row of ops/runs is all the memory that gold has: where the inputs stood, and which dates wait. Without it, as where
someone has deleted ops/runs, the next run builds every date again and begins a new lineage, so that no commit is taken for done.
So it does where a table has a commit of a run that is not on record, whose journal someone has deleted.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from config.escaping import escape_json
from spark_jobs.schemas_gold import GOLD, RUNS
from spark_jobs.storage.add_actions import add_actions
from spark_jobs.storage.append import append_once, is_committed
from spark_jobs.storage.difference import TableVersion
from spark_jobs.storage.files import make_private_folder
from spark_jobs.storage.open_tables import open_snapshot, open_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime
    from pathlib import Path

    from spark_jobs.lake import Lake

#: How a run ended, as ops/runs says it: dates were published, at least one was held back, or nothing was to be done.
PUBLISHED, HELD_BACK, UNCHANGED = "published", "held", "unchanged"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's verdict on one date: how many rows fail it, and the first of them.

    ``accepted``: the gate failed, and the date is published in spite of it.
    """

    gate: str
    date: date
    passed: bool
    failing: int = 0
    detail: str | None = None
    rows: tuple[str, ...] = ()
    accepted: bool = False

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> GateResult:
        """Read an entry of the column ``gates`` of ops/runs."""
        return cls(**{**row, "rows": tuple(row["rows"] or ())})

    @property
    def holds_back(self) -> bool:
        """True if it holds the date back."""
        return not (self.passed or self.accepted)


def held_back_dates(verdicts: Iterable[GateResult]) -> set[date]:
    """Return the dates that a verdict holds back."""
    return {verdict.date for verdict in verdicts if verdict.holds_back}


@dataclass(frozen=True, slots=True)
class GoldState:
    """The state in which the last run left gold.

    ``inputs``: the version of each input that it read. ``pending``: dates that changed and were not built since. ``held_back``:
    dates that a gate holds back.
    """

    lineage: str
    run_number: int = 0
    inputs: Mapping[str, TableVersion] = field(default_factory=dict)
    pending: frozenset[date] = frozenset()
    held_back: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. ``dates_built`` were published by it; ``dates_held`` and ``dates_pending`` are all that stand so after it.

    ``processed_events_count``: rows of Silver (orders, lines, payments) that the judged dates were built from.
    ``output_row_counts``: by layer/table, the rows of each table after the run; ``rows_written``: those that the run wrote.
    """

    run_id: str
    lineage: str
    run_number: int
    command: str
    run_date: date
    start_date: date | None
    end_date: date
    started_at: datetime
    status: str = UNCHANGED
    runtime_seconds: float = 0.0
    processed_events_count: int = 0
    output_row_counts: Mapping[str, int] = field(default_factory=dict)
    rows_written: Mapping[str, int] = field(default_factory=dict)
    dates_built: tuple[date, ...] = ()
    dates_held: tuple[date, ...] = ()
    dates_pending: tuple[date, ...] = ()
    waiting_lines: int = 0
    waiting_payments: int = 0
    gates: tuple[GateResult, ...] = ()
    inputs: Mapping[str, TableVersion] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RunRecord:
        """Read a row of ops/runs."""
        plain = dict(row)
        plain |= {name: dict(row[name]) for name in ("output_row_counts", "rows_written")}
        plain |= {name: tuple(row[name]) for name in ("dates_built", "dates_held", "dates_pending")}
        plain["gates"] = tuple(GateResult.from_row(gate) for gate in row["gates"])
        plain["inputs"] = {one["table"]: TableVersion(one["id"], one["version"]) for one in row["inputs"]}
        return cls(**plain)

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The verdicts that hold a date back."""
        return tuple(gate for gate in self.gates if gate.holds_back)

    def to_row(self) -> dict[str, Any]:
        """Return the row of ops/runs."""
        plain = {name: getattr(self, name) for name in RUNS.names}
        plain["gates"] = [{name: getattr(gate, name) for name in gate.__slots__} for gate in self.gates]
        plain["inputs"] = [{"table": name, "id": at.id, "version": at.version} for name, at in self.inputs.items()]
        plain |= {name: list(getattr(self, name).items()) for name in ("output_row_counts", "rows_written")}
        return plain

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json and the record's file."""
        return row_to_json(self.to_row())


def read_gold_state(lake: Lake) -> GoldState:
    """Return what the last run left; a new lineage without inputs where none is on record, or more was committed than that.

    No inputs either where a table of gold is gone: then everything is built again.
    """
    row = newest_run(lake)
    if row is None:
        return GoldState(uuid.uuid4().hex)
    is_ahead = _is_ahead(lake, row["lineage"], row["run_number"])
    is_whole = all(open_snapshot(lake.gold(name).path) is not None for name in GOLD)
    known = {one["table"]: TableVersion(one["id"], one["version"]) for one in row["inputs"]}
    return GoldState(
        lineage=uuid.uuid4().hex if is_ahead else row["lineage"],
        run_number=row["run_number"],
        inputs=known if is_whole and not is_ahead else {},
        pending=frozenset(row["dates_pending"]),
        held_back=frozenset(row["dates_held"]),
    )


def _is_ahead(lake: Lake, lineage: str, number: int) -> bool:
    """True if a table has a commit of a later run: the next run would have its number, and be taken for done there."""
    writer = writer_of(lineage)
    return any(is_committed(lake.gold(name), writer=writer, version=number + 1) for name in GOLD)


def newest_run(lake: Lake) -> dict[str, Any] | None:
    """Return the newest row of ops/runs; None where no run is on record. Of its files only the newest is read."""
    table = open_table(lake.runs.path)
    files = add_actions(table) if table is not None else None
    if table is None or files is None or not files.num_rows:
        return None
    newest = pc.max(files["max.run_number"])
    rows = table.to_pyarrow_dataset().to_table(filter=pc.field("run_number") == newest)
    return dict(rows.to_pylist()[0])


def record_run(lake: Lake, row: Mapping[str, Any], folder: Path) -> None:
    """Put a run on record: its row in ops/runs, and the same as JSON in a file of its own under ``folder``.

    Done twice, the row's commit is made once, as its number is the version of its lineage, and the file is written over.
    """
    parts = write_parts(lake.runs, pa.Table.from_pylist([dict(row)], schema=RUNS))
    append_once(lake.runs, parts, writer=writer_of(row["lineage"]), version=row["run_number"])
    make_private_folder(folder.parent)
    make_private_folder(folder)
    text = escape_json(json.dumps(row_to_json(row), default=str, ensure_ascii=False, indent=2))
    (folder / f"{row['run_id']}.json").write_text(text + "\n", encoding="utf-8")


def row_to_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of ops/runs in a plain form, its counts by layer and then by table."""
    layers: dict[str, dict[str, int]] = {}
    for name, count in row["output_row_counts"]:
        layer, _, table = name.partition("/")
        layers.setdefault(layer, {})[table] = count
    return {**row, "output_row_counts": layers, "rows_written": dict(row["rows_written"])}


def writer_of(lineage: str) -> str:
    """Return the writer's name in gold's commits: run numbers start over with a new lineage, and a lower one is taken for done."""
    return f"gold/{lineage}"
