"""Building a planned file of changes: its text, and what the manifest says of its records."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from generator.built_file import BuiltFile
from generator.changes import fault_table as table
from generator.changes.odd_changes import faulty_cells
from generator.file_faults import EMPTY_FILE, EXTRA_COLUMNS, EXTRA_VALUES, REORDERED, UNKNOWN_HEADER, file_bytes
from schema_registry.contract import CHANGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.changes.planned_file import PlannedFile


def build_file(file: PlannedFile, seed: int, day: int) -> BuiltFile:
    """Build the file, always with the same bytes. ``day`` is the number of its day from the start."""
    if file.kind is EMPTY_FILE:
        return BuiltFile(b"", [], [], [], file.kind, None)
    arrange = _arranger(file, Random(f"{seed}/{file.layout.subject}/{day}/columns"))
    header = file.layout.header
    writers = {version: file.layout.writer(version) for version in file.layout.versions}
    change_ids: list[str | None] = []
    lines: list[str] = []
    for change, fault in file.records:
        cells = writers[change.version](change)
        if fault is None:
            change_ids.append(change.change_id)
            lines.append(",".join(arrange(cells)))
        else:
            cells = list(faulty_cells(fault, dict(zip(header, cells, strict=True))).values())
            change_ids.append(cells[0] if cells[0].strip() else None)
            lines.append(fault.write(arrange(cells)))
    data, faults = file_bytes(file.kind, _header(file, arrange), lines), [record.fault for record in file.records]
    versions = [None if file.kind is UNKNOWN_HEADER else record.change.version for record in file.records]
    version = versions[0] if len(set(versions)) == 1 else None
    return BuiltFile(data, change_ids, versions, faults, file.kind, version)


def _header(file: PlannedFile, arrange: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """Return the header, which differs from the columns where that is the file's fault."""
    if file.kind is EXTRA_COLUMNS:
        return [*file.layout.header, *EXTRA_VALUES]
    if file.kind is UNKNOWN_HEADER:
        return [*CHANGE_COLUMNS, *table.UNKNOWN_FIELDS]
    return arrange(file.layout.header)


def _arranger(file: PlannedFile, rng: Random) -> Callable[[Sequence[str]], list[str]]:
    """Return the function that puts a line's cells under the header of a file of this kind."""
    header, kind, subject = file.layout.header, file.kind, file.layout.subject
    if kind is None:
        return list
    places = list(range(len(header)))
    if kind is REORDERED:
        rng.shuffle(places)
    elif kind is UNKNOWN_HEADER:
        places = places[: len(CHANGE_COLUMNS) + len(table.UNKNOWN_FIELDS)]
    elif kind.name == "column_dropped":
        places.remove(header.index(table.dropped_column(subject)))
    elif kind.name == "duplicate_header":
        places.append(header.index(table.doubled_column(subject)))
    elif kind is EXTRA_COLUMNS:
        return lambda cells: [*cells, *(rng.choice(values) for values in EXTRA_VALUES.values())]
    else:
        return list
    return lambda cells: [cells[place] for place in places]
