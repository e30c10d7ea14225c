"""Making one file of events: ordinary rows, then the faults, then the copies, then the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from generator import csvtext
from generator.built_file import BuiltFile
from generator.events import fault_table as table
from generator.events.copies import Copier, Records, with_copies
from generator.events.plant import plant
from generator.events.rows import RowMaker
from generator.file_faults import EMPTY_FILE, EXTRA_COLUMNS, EXTRA_VALUES, REORDERED, UNKNOWN_HEADER, file_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.events.plan import FilePlan, World
    from generator.events.rows import FileRows
    from generator.events.traffic import Columns
    from generator.faults import Fault


class FileBuilder:
    """Builds the files of one world. Each depends on the world and its number alone."""

    def __init__(self, world: World) -> None:
        self._world, self._maker = world, RowMaker(world)
        self._copier = Copier(world, self._maker)

    def build(self, index: int) -> BuiltFile:
        """Build file number ``index``, always with the same bytes."""
        plan = self._world.plan(index)
        if not plan.regular:
            return _small_file(plan, self._maker.ordinary(plan))
        rng = np.random.default_rng([self._world.options.seed, 3, index])
        rows = self._maker.rows(plan)
        self._copier.remember(index, rows)
        header = _header(plan, rng)
        rows.columns.update(_file_columns(plan, rng))
        records = self._records(plan, rows, header, rng)
        records = with_copies(records, self._copier.copies(plan, rows, header, records, rng))
        data, versions = file_bytes(plan.kind, header, records.lines), [plan.version] * plan.rows
        return BuiltFile(data, records.event_ids, [*versions], records.faults, plan.kind, plan.version)

    def _records(self, plan: FilePlan, rows: FileRows, header: Sequence[str], rng: np.random.Generator) -> Records:
        lines = list(map(",".join, zip(*(rows.columns[name] for name in header), strict=True)))
        event_ids: list[str | None] = list(rows.columns["event_id"])
        faults: list[Fault | None] = [None] * plan.ordinary
        for place, fault in zip(rows.late, plan.late, strict=True):
            faults[place] = fault
        for place, fault in zip((*rows.bad, *rows.odd), (*plan.bad, *plan.odd), strict=True):
            row = plant(fault, rows.row(place), self._maker.shop, rng)
            lines[place] = fault.write([row[name] for name in header])
            event_ids[place] = row["event_id"] if row["event_id"].strip() else None
            faults[place] = fault
        return Records(lines, event_ids, faults)


def _header(plan: FilePlan, rng: np.random.Generator) -> list[str]:
    columns = list(plan.columns)
    if plan.kind is EXTRA_COLUMNS:
        return [*columns, *EXTRA_VALUES]
    if plan.kind is REORDERED:
        return [columns[place] for place in rng.permutation(len(columns)).tolist()]
    return columns


def _file_columns(plan: FilePlan, rng: np.random.Generator) -> Columns:
    """Return the columns that belong to the file rather than to the event."""
    extras = {
        name: [values[pick] for pick in rng.integers(0, len(values), plan.ordinary).tolist()]
        for name, values in EXTRA_VALUES.items()
        if plan.kind is EXTRA_COLUMNS
    }
    return {"schema_version": [str(plan.version)] * plan.ordinary, **extras}


def _small_file(plan: FilePlan, columns: Columns) -> BuiltFile:
    """Build one of the small faulty files; all of its rows share its fault."""
    if plan.kind is EMPTY_FILE:
        return BuiltFile(b"", [], [], [], plan.kind, plan.version)
    columns = {**columns, "schema_version": [str(plan.version)] * plan.rows}
    header, names = _small_header(plan)
    rows = [csvtext.record(cells) for cells in zip(*(columns[name] for name in names), strict=True)]
    data, faults = file_bytes(plan.kind, header, rows), [plan.kind] * plan.rows
    if plan.kind is UNKNOWN_HEADER:
        return BuiltFile(data, [None] * plan.rows, [None] * plan.rows, faults, plan.kind, None)
    return BuiltFile(data, [*columns["event_id"]], [plan.version] * plan.rows, faults, plan.kind, plan.version)


def _small_header(plan: FilePlan) -> tuple[list[str], list[str]]:
    """Return a small file's header, and the fields whose values stand under it."""
    columns = list(plan.columns)
    if plan.kind is table.DUPLICATE_HEADER:
        columns.append(table.DOUBLED_COLUMN)
    elif plan.kind is table.DROPPED:
        columns.remove(table.DROPPED_COLUMN)
    elif plan.kind is UNKNOWN_HEADER:
        return list(table.UNKNOWN_COLUMNS), ["event_id", "event_type", "event_time", "price"]
    return columns, columns
