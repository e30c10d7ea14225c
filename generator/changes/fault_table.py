"""The table of all faults of changes, by subject: what is planted, and exactly what the lake must make of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from generator.changes.bad_rows import BAD_ROWS
from generator.changes.contracts import fields_of, latest_version, subject_of
from generator.changes.odd_rows import COPIES, LATE, ODD_ROWS, ORPHAN, SPECIAL, VERSION_EMPTY
from generator.faults import bad_row, shuffled
from generator.file_faults import EMPTY_FILE, HEADER_ONLY, ODD_FILES, UNKNOWN_HEADER, column_dropped, duplicate_header

if TYPE_CHECKING:
    from generator.changes.layouts import Layout
    from generator.faults import Fault

# What a file with UNKNOWN_HEADER has behind the usual change columns.
UNKNOWN_FIELDS = ("number", "what", "whose", "how_much")
STATUS_ONLY_CREATE = bad_row(
    "create_in_narrow_file",
    "a create under a header of key and status, which lacks the other required columns",
    ("unknown_version", "schema_version"),
    cells={"op": "c"},
)
_OF_WHOLE_ROWS = (*SPECIAL, ORPHAN)


def doubled_column(subject: str) -> str:
    """Return the field that files of the kind ``duplicate_header`` have twice."""
    return fields_of(subject)[1]


def dropped_column(subject: str) -> str:
    """Return the required field that files of the kind ``column_dropped`` lack."""
    return subject_of(subject).latest.required_names[-1]


@lru_cache
def small_files(subject: str) -> tuple[Fault, ...]:
    """Return the kinds of small faulty files in the order of their rotation."""
    doubled, dropped = duplicate_header(doubled_column(subject)), column_dropped(dropped_column(subject))
    return (EMPTY_FILE, doubled, HEADER_ONLY, dropped, UNKNOWN_HEADER)


@lru_cache
def bad_rotation(subject: str) -> tuple[Fault, ...]:
    """Return the bad rows in the order of their rotation."""
    return shuffled((*BAD_ROWS[subject], STATUS_ONLY_CREATE) if subject == "orders" else BAD_ROWS[subject])


@lru_cache
def odd_rotation(subject: str) -> tuple[Fault, ...]:
    """Return the odd rows in the order of their rotation."""
    return shuffled(ODD_ROWS[subject])


@lru_cache
def faults_of(subject: str) -> dict[str, Fault]:
    """Return all faults of a subject, by name."""
    rows = (*bad_rotation(subject), *odd_rotation(subject), *LATE[subject], *COPIES)
    return {fault.name: fault for fault in (*rows, *small_files(subject), *ODD_FILES)}


def suits(fault: Fault, layout: Layout, op: str, version: int) -> bool:
    """Return True if a row derived from one of that op and version can have this fault under these columns.

    Under a header of key and status, the verdict on another op depends on the columns that are missing: only
    ``STATUS_ONLY_CREATE``, which is about just that, changes the op there.
    """
    if fault is STATUS_ONLY_CREATE:
        return layout.status_only and not layout.names_version
    if layout.status_only and ("op" in fault.cells or fault in _OF_WHOLE_ROWS):
        return False
    if fault is VERSION_EMPTY and version != latest_version(layout.subject):
        return False
    return version in fault.versions and fault.cells.keys() <= {*layout.header} and fault.on in ("", op)
