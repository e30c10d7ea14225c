"""The rotation of faults, and the number of them that is due."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from generator.faults import Fault


class Rotation:
    """Faults in rotation: the first that suits is taken and goes to the end of the queue."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._queue = deque(faults)

    def take(self, suits: Callable[[Fault], bool] = lambda _: True) -> Fault | None:
        """Return the next fault that suits; None if none does."""
        for fault in self._queue:
            if suits(fault):
                self._queue.remove(fault)
                self._queue.append(fault)
                return fault
        return None


class Quotas:
    """The number of faults of each sort that are due: over many files exactly the rate of all rows."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    def due(self, sort: str, rows: int, rate: float) -> int:
        """Return the number of faults due with ``rows`` more rows."""
        owed = self._owed.get(sort, 0.0) + rows * rate
        count = int(owed + 1e-9)
        self._owed[sort] = owed - count
        return count
