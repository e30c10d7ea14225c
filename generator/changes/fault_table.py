"""The table of all faults of changes, by subject: what is planted, and exactly what the lake must make of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from generator.changes.bad_rows import BAD_ROWS
from generator.changes.contracts import fields_of, latest_version, subject_of
from generator.changes.odd_rows import COPIES, LATE, ODD_ROWS, ORPHAN, SPECIAL, VERSION_EMPTY
from generator.fault_table import EMPTY_FILE, HEADER_ONLY, ODD_FILES
from generator.faults import Fault, Kind, Outcome, shuffled

if TYPE_CHECKING:
    from generator.changes.layouts import Layout
    from generator.faults import Reason

# A header whose entity fields are all called otherwise; what stands under it is under the change columns.
STRANGE_FIELDS = ("number", "what", "whose", "how_much")
NARROW_CREATE = Fault(
    name="create_in_narrow_file",
    doc="a create under a header of updates, which lacks what it must have",
    reasons=(("unknown_version", "schema_version"),),
    cells={"op": "c"},
    on="",
)
_OF_WHOLE_ROWS = (*SPECIAL, ORPHAN)


def _file(name: str, doc: str, *reasons: Reason) -> Fault:
    return Fault(name=name, doc=doc, kind=Kind.FILE, outcome=Outcome.DEAD_LETTER, reasons=reasons)


@lru_cache
def small_files(subject: str) -> dict[str, Fault]:
    """The kinds of small faulty files, by name."""
    made = (
        EMPTY_FILE,
        _file("duplicate_header", "a name twice in the header", ("duplicate_header", fields_of(subject)[1])),
        HEADER_ONLY,
        _file("column_dropped", "creates without a required column", ("missing", dropped_column(subject))),
        _file("strange_header", "fields under names of no version", ("unknown_version", "schema_version")),
    )
    return {fault.name: fault for fault in made}


def dropped_column(subject: str) -> str:
    """The required field that files of the kind ``column_dropped`` lack."""
    return subject_of(subject).latest.required_names[-1]


@lru_cache
def bad_turns(subject: str) -> tuple[Fault, ...]:
    """The bad rows in the order in which they take turns."""
    return shuffled((*BAD_ROWS[subject], NARROW_CREATE) if subject == "orders" else BAD_ROWS[subject])


@lru_cache
def odd_turns(subject: str) -> tuple[Fault, ...]:
    """The odd rows in the order in which they take turns."""
    return shuffled(ODD_ROWS[subject])


@lru_cache
def faults_of(subject: str) -> dict[str, Fault]:
    """All faults of a subject, by name."""
    rows = (*bad_turns(subject), *odd_turns(subject), *LATE[subject], *COPIES)
    return {fault.name: fault for fault in (*rows, *small_files(subject).values(), *ODD_FILES)}


def suits(fault: Fault, layout: Layout, op: str, version: int) -> bool:
    """Whether a row can have this fault under these columns, beside an ordinary row of that op and version.

    What becomes of another op under a narrow header depends on what the header lacks, so only ``NARROW_CREATE``,
    which is about just that, changes the op there.
    """
    if fault is NARROW_CREATE:
        return layout.narrow and not layout.named
    if layout.narrow and ("op" in fault.cells or fault in _OF_WHOLE_ROWS):
        return False
    if fault is VERSION_EMPTY and version != latest_version(layout.subject):
        return False
    return version in fault.versions and fault.cells.keys() <= {*layout.header} and fault.on in ("", op)
