"""A file of changes before it is text: its columns and its records in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from generator.changes.change import Change
    from generator.changes.layouts import Layout
    from generator.faults import Fault


class PlannedRecord(NamedTuple):
    """One record to be written: its change, and its fault where it is not ordinary."""

    change: Change
    fault: Fault | None = None


class PlannedFile(NamedTuple):
    """One file to be written: its columns, the fault of the whole file (None: a plain one), its records in order."""

    layout: Layout
    kind: Fault | None
    records: list[PlannedRecord]
