"""A draft as text: header and lines, and what the manifest says of each."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from generator import fault_table as files_table
from generator.changes import fault_table as table
from generator.changes.contracts import fields_of
from generator.changes.strange import spelled
from generator.files import EXTRA_VALUES, file_bytes
from schema_registry.contract import CHANGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.changes.drafts import Draft
    from generator.faults import Fault


class BuiltChanges(NamedTuple):
    """One file ready to be written; the three lists have one entry for each record, in order.

    A change id is None where the record carries none, a version where its header is of none, a fate for ordinary rows.
    """

    data: bytes
    change_ids: list[str | None]
    versions: list[int | None]
    fates: list[Fault | None]


def built(draft: Draft, seed: int, day: int) -> BuiltChanges:
    """The file of a draft: always the same bytes."""
    if draft.kind is files_table.EMPTY_FILE:
        return BuiltChanges(b"", [], [], [])
    arranged = _arrangement(draft, Random(f"{seed}/{draft.layout.subject}/{day}/columns"))
    header = draft.layout.header
    writers = {version: draft.layout.writer(version) for version in draft.layout.versions}
    change_ids: list[str | None] = []
    lines: list[str] = []
    for entry in draft.entries:
        change, fault = entry
        cells = writers[change.version](change)
        if fault is None:
            change_ids.append(change.change_id)
            lines.append(",".join(arranged(cells)))
        else:
            cells = list(spelled(fault, dict(zip(header, cells, strict=True))).values())
            change_ids.append(cells[0] if cells[0].strip() else None)
            lines.append(fault.write(arranged(cells)))
    data = file_bytes(draft.kind, _header(draft, arranged), lines)
    return BuiltChanges(data, change_ids, _versions(draft), [entry.fault for entry in draft.entries])


def _versions(draft: Draft) -> list[int | None]:
    is_strange = bool(draft.kind) and draft.kind is table.small_files(draft.layout.subject)["strange_header"]
    return [None if is_strange else entry.change.version for entry in draft.entries]


def _header(draft: Draft, arranged: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """What stands above the lines: other than the columns where the file is about that."""
    small, kind = table.small_files(draft.layout.subject), draft.kind
    if kind is files_table.EXTRA_COLUMNS:
        return [*draft.layout.header, *EXTRA_VALUES]
    if kind is small["strange_header"]:
        return [*CHANGE_COLUMNS, *table.STRANGE_FIELDS]
    return arranged(draft.layout.header)


def _arrangement(draft: Draft, rng: Random) -> Callable[[Sequence[str]], list[str]]:
    """How the cells of a line are put under the header of a file of this kind."""
    header, kind, small = draft.layout.header, draft.kind, table.small_files(draft.layout.subject)
    places = list(range(len(header)))
    if kind is files_table.REORDERED:
        rng.shuffle(places)
    elif kind is small["strange_header"]:
        places = places[: len(CHANGE_COLUMNS) + len(table.STRANGE_FIELDS)]
    elif kind is small["column_dropped"]:
        places.remove(header.index(table.dropped_column(draft.layout.subject)))
    elif kind is small["duplicate_header"]:
        places.append(header.index(fields_of(draft.layout.subject)[1]))
    elif kind is files_table.EXTRA_COLUMNS:
        return lambda cells: [*cells, *(rng.choice(values) for values in EXTRA_VALUES.values())]
    else:
        return list
    return lambda cells: [cells[place] for place in places]
