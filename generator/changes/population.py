"""``Population``: the life cycle that customers and products share: they come, change, go, and are kept in a log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import TYPE_CHECKING, ClassVar

from generator.changes.schedule import Pool, Schedule, random_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.changes.change import ChangeLog, Row
    from generator.changes.options import ShopOptions

LEGACY_EVERY = 10  # one member of so many is written in version 1 until it is taken over by the new system


class Population(ABC):
    """The members there are now; each change of one is written to the log.

    A subclass says how a new member's row and a change look, and how many members come and go: ``TURNOVER`` is the
    share of them that comes, and that goes, in a day. ``CHANGES`` are the kinds of change with their odds.
    """

    TURNOVER: ClassVar[float]
    CHANGES: ClassVar[Mapping[str, float]]
    LEGACY_PLACE: ClassVar[int]  # which of LEGACY_EVERY members is a legacy one
    TAKEN_OVER: ClassVar[float]  # the chance that a change of a legacy member moves it to the new system

    def __init__(self, log: ChangeLog, schedule: Schedule, options: ShopOptions, *, size: int) -> None:
        self.pool = Pool()
        self._rows: dict[int, Row] = {}
        self._legacy: set[int] = set()
        self._next_number = 1
        self._log, self._schedule, self._options, self._size = log, schedule, options, size
        self._rng = Random(f"{options.seed}/{log.subject}")

    def open(self, begin_ms: int) -> None:
        """Write the snapshot of the members that are there when the shop opens."""
        for _ in range(self._opening_count()):
            self._enter("r", begin_ms)

    def plan_day(self, begin_ms: int) -> None:
        """Put the day's coming, changing and going on the schedule."""
        rng = self._rng
        counts = (
            (self._come, random_count(rng, self._size * self.TURNOVER)),
            (self._change, random_count(rng, len(self.pool) * self._options.churn)),
            (self._go, random_count(rng, len(self.pool) * self.TURNOVER)),
        )
        for action, count in counts:
            self._schedule.add_in_day(begin_ms, count, action, rng)

    def _come(self, moment_ms: int) -> None:
        self._enter("c", moment_ms)

    def _enter(self, op: str, moment_ms: int) -> None:
        number, self._next_number = self._next_number, self._next_number + 1
        if number % LEGACY_EVERY == self.LEGACY_PLACE:
            self._legacy.add(number)
        self._put(op, moment_ms, number, self._new_row(number, moment_ms, is_snapshot=op == "r"))

    def _put(self, op: str, moment_ms: int, number: int, row: Row) -> None:
        self.pool.add(number)
        self._rows[number] = row
        self._write(op, moment_ms, number)

    def _write(self, op: str, moment_ms: int, number: int) -> None:
        self._log.write(op, moment_ms, self._rows[number], version=1 if number in self._legacy else 2)

    def _change(self, moment_ms: int) -> None:
        if not len(self.pool):
            return
        rng, number = self._rng, self.pool.pick(self._rng)
        if number in self._legacy and rng.random() < self.TAKEN_OVER:
            self._legacy.remove(number)
        (kind,) = rng.choices(tuple(self.CHANGES), tuple(self.CHANGES.values()))
        self._rows[number] = self._rows[number] | self._changed(kind, number)
        self._write("u", moment_ms, number)

    def _go(self, moment_ms: int) -> None:
        """Delete one member; the last one stays."""
        if len(self.pool) < 2:
            return
        number = self.pool.pick(self._rng)
        self._write("d", moment_ms, number)
        self.pool.remove(number)
        self._forget(moment_ms, number, self._rows.pop(number))

    def _opening_count(self) -> int:
        """Return the number of members when the shop opens."""
        return self._size

    @abstractmethod
    def _new_row(self, number: int, moment_ms: int, *, is_snapshot: bool) -> Row:
        """Return the row of a new member."""

    @abstractmethod
    def _changed(self, kind: str, number: int) -> Row:
        """Return the new values of a change of this kind; "nothing" is an update that changes nothing."""

    def _forget(self, moment_ms: int, number: int, row: Row) -> None:
        """Forget a member that was deleted."""
        self._legacy.discard(number)
