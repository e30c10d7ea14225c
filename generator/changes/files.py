"""Building a planned file: its text, and the lists that the manifest needs of its records."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from generator.changes import fault_table as table
from generator.changes.contracts import fields_of
from generator.changes.odd_changes import faulty_cells
from generator.file_faults import EMPTY_FILE, EXTRA_COLUMNS, EXTRA_VALUES, REORDERED, file_bytes
from schema_registry.contract import CHANGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.changes.planned_file import PlannedFile
    from generator.faults import Fault


class BuiltChanges(NamedTuple):
    """One file ready to be written; the three lists have one record for each record, in order.

    A change id is None where the record carries none, a version where its header is of none, a fault for ordinary rows.
    """

    data: bytes
    change_ids: list[str | None]
    versions: list[int | None]
    faults: list[Fault | None]


def build_file(file: PlannedFile, seed: int, day: int) -> BuiltChanges:
    """Build the file, always with the same bytes. ``day`` is the number of its day from the start."""
    if file.kind is EMPTY_FILE:
        return BuiltChanges(b"", [], [], [])
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
    data = file_bytes(file.kind, _header(file, arrange), lines)
    return BuiltChanges(data, change_ids, _versions(file), [record.fault for record in file.records])


def _versions(file: PlannedFile) -> list[int | None]:
    is_unknown = bool(file.kind) and file.kind is table.small_files(file.layout.subject)["strange_header"]
    return [None if is_unknown else record.change.version for record in file.records]


def _header(file: PlannedFile, arrange: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """Return the header, which differs from the columns where that is the file's fault."""
    small, kind = table.small_files(file.layout.subject), file.kind
    if kind is EXTRA_COLUMNS:
        return [*file.layout.header, *EXTRA_VALUES]
    if kind is small["strange_header"]:
        return [*CHANGE_COLUMNS, *table.UNKNOWN_FIELDS]
    return arrange(file.layout.header)


def _arranger(file: PlannedFile, rng: Random) -> Callable[[Sequence[str]], list[str]]:
    """Return the function that puts a line's cells under the header of a file of this kind."""
    header, kind, small = file.layout.header, file.kind, table.small_files(file.layout.subject)
    places = list(range(len(header)))
    if kind is REORDERED:
        rng.shuffle(places)
    elif kind is small["strange_header"]:
        places = places[: len(CHANGE_COLUMNS) + len(table.UNKNOWN_FIELDS)]
    elif kind is small["column_dropped"]:
        places.remove(header.index(table.dropped_column(file.layout.subject)))
    elif kind is small["duplicate_header"]:
        places.append(header.index(fields_of(file.layout.subject)[1]))
    elif kind is EXTRA_COLUMNS:
        return lambda cells: [*cells, *(rng.choice(values) for values in EXTRA_VALUES.values())]
    else:
        return list
    return lambda cells: [cells[place] for place in places]
