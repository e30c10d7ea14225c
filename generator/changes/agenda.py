"""What is to happen in the shop and when; whom it happens to; how the hours of a day differ."""

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


class Agenda:
    """Actions by their moment; those of one moment in the order they were put down."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, moment_ms: int, action: Callable[..., None], *given: Any) -> None:
        """Have ``action(moment_ms, *given)`` called when its moment comes."""
        self._count += 1
        heapq.heappush(self._heap, (moment_ms, self._count, action, given))

    def run(self, until_ms: int) -> None:
        """Do everything that is due before ``until_ms``, also what comes up meanwhile."""
        heap = self._heap
        while heap and heap[0][0] < until_ms:
            moment_ms, _, action, given = heapq.heappop(heap)
            action(moment_ms, *given)


class Pool:
    """Numbers of what is there now, for picking one at random; adding and removing cost the same however many."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._ids = list(ids)
        self._places = {each: place for place, each in enumerate(self._ids)}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, each: int) -> None:
        """Put one in that is not there."""
        self._places[each] = len(self._ids)
        self._ids.append(each)

    def remove(self, each: int) -> None:
        """Take one out; the last takes its place."""
        place, last = self._places.pop(each), self._ids.pop()
        if last != each:
            self._ids[place], self._places[last] = last, place

    def pick(self, rng: Random, *, skew: int = 1) -> int:
        """One of them; with a skew above 1 those that have been there long are picked more often."""
        return self._ids[int(len(self._ids) * rng.random() ** skew)]


def hour_of_day(rng: Random) -> float:
    """A moment of the day as a fraction of it, busy hours more often."""
    return (bisect(_HOURS, rng.random()) + rng.random()) / len(RHYTHM)


def times(rng: Random, expected: float) -> int:
    """How often something happens that happens ``expected`` times on average."""
    return int(expected + rng.random())
