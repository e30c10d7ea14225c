"""A file before it is text: its columns and its records; and faults that take turns."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from generator.changes.change import Change
    from generator.changes.layouts import Layout
    from generator.faults import Fault


class Entry(NamedTuple):
    """One record to be: its change, and its fault where it is not ordinary."""

    change: Change
    fault: Fault | None = None


class Draft(NamedTuple):
    """One file to be: its columns, what is unusual about it as a whole, its records in order."""

    layout: Layout
    kind: Fault | None
    entries: list[Entry]


class Turns:
    """Faults that take turns: the first that suits is taken and goes to the end of the line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._waiting = deque(faults)

    def take(self, suits: Callable[[Fault], bool] = lambda _: True) -> Fault | None:
        """The fault whose turn it is; None if none suits."""
        for fault in self._waiting:
            if suits(fault):
                self._waiting.remove(fault)
                self._waiting.append(fault)
                return fault
        return None


class Shares:
    """How many marks of each sort fall to so many rows: over many files exactly the rate of all rows."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    def due(self, sort: str, rows: int, rate: float) -> int:
        """The marks due with ``rows`` more rows."""
        owed = self._owed.get(sort, 0.0) + rows * rate
        count = int(owed + 1e-9)
        self._owed[sort] = owed - count
        return count
