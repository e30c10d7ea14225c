"""The schedule of actions in the shop, and random draws of times, counts and members."""

from __future__ import annotations

import heapq
from bisect import bisect
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from generator.clock import RHYTHM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

_HOURS = [done / sum(RHYTHM) for done in accumulate(RHYTHM)]


class Schedule:
    """Actions by their moment; those of one moment run in the order in which they were added.

    A simulated day lasts ``day_ms`` milliseconds.
    """

    def __init__(self, day_ms: int) -> None:
        self._day_ms = day_ms
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def add(self, moment_ms: int, action: Callable[..., None], *arguments: Any) -> None:
        """Have ``action(moment_ms, *arguments)`` called at its moment."""
        self._count += 1
        heapq.heappush(self._heap, (moment_ms, self._count, action, arguments))

    def add_in_day(self, begin_ms: int, count: int, action: Callable[[int], None], rng: Random) -> None:
        """Have ``action(moment_ms)`` called ``count`` times in the day that begins at ``begin_ms``, busy hours more."""
        for _ in range(count):
            self.add(begin_ms + int(_time_of_day(rng) * self._day_ms), action)

    def run(self, until_ms: int) -> None:
        """Run everything that is due before ``until_ms``, also what is added meanwhile."""
        heap = self._heap
        while heap and heap[0][0] < until_ms:
            moment_ms, _, action, arguments = heapq.heappop(heap)
            action(moment_ms, *arguments)


class Pool:
    """Numbers of the members there are now, for picking one at random; adding and removing take constant time."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._ids = list(ids)
        self._places = {each: place for place, each in enumerate(self._ids)}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, each: int) -> None:
        """Add a number that is not in the pool."""
        self._places[each] = len(self._ids)
        self._ids.append(each)

    def remove(self, each: int) -> None:
        """Remove a number; the last takes its place."""
        place, last = self._places.pop(each), self._ids.pop()
        if last != each:
            self._ids[place], self._places[last] = last, place

    def pick(self, rng: Random, *, skew: int = 1) -> int:
        """Return one of the numbers; with a skew above 1 those that have been there long are picked more often."""
        return self._ids[int(len(self._ids) * rng.random() ** skew)]


def random_count(rng: Random, expected: float) -> int:
    """Return a whole number that is ``expected`` on average."""
    return int(expected + rng.random())


def _time_of_day(rng: Random) -> float:
    """Return a moment of the day as a fraction of it, busy hours more often."""
    return (bisect(_HOURS, rng.random()) + rng.random()) / len(RHYTHM)
