"""Changes that arrive late or out of order: in the file of a later day, or in another place of their own."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from generator.changes import odd_rows as odd
from generator.changes.odd_changes import older_than_delete
from generator.changes.planned_file import PlannedRecord
from generator.changes.rotation import Rotation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from generator.changes.change import Change

LONGEST_DELAY_DAYS = 6
OPS = {"late_insert": "cr", "late_update": "u", "late_delete": "d", "update_behind_delete": "d", "out_of_order": "crud"}


class Arrivals:
    """The changes that arrive on each day; days must be given in order."""

    def __init__(self, subject: str, numbers: Iterator[int]) -> None:
        self._subject, self._numbers = subject, numbers
        self._rotation = Rotation(odd.LATE[subject])
        self._delayed: defaultdict[int, list[PlannedRecord]] = defaultdict(list)

    def on(self, day: int, changes: Sequence[Change], delays: int, rng: Random) -> list[PlannedRecord]:
        """Return the day's changes in source order but for ``delays`` of them, mixed with those delayed until today."""
        records: list[PlannedRecord | None] = list(map(PlannedRecord, changes))
        places = _by_op(changes) if delays else {}
        for _ in range(delays):
            self._delay(day, records, places, rng)
        arriving = [record for record in records if record]
        for record in self._delayed.pop(day, []):
            arriving.insert(rng.randrange(len(arriving) + 1), record)
        return arriving

    def _delay(self, day: int, records: list[PlannedRecord | None], places: dict[str, list[int]], rng: Random) -> None:
        """Delay one change, or mark it as out of order, or have an older one follow it."""
        fault = self._rotation.take(lambda fault: any(places.get(op) for op in OPS[fault.name]))
        if fault is None:
            return
        place = _take_one([places[op] for op in OPS[fault.name] if places.get(op)], rng)
        record = records[place]
        assert record is not None
        if fault is odd.OUT_OF_ORDER:
            records[place] = PlannedRecord(record.change, fault)
            return
        change = record.change
        if fault is odd.OLDER_THAN_DELETE:
            change = older_than_delete(change, self._subject, next(self._numbers), rng)
        else:
            records[place] = None
        self._delayed[day + rng.randint(1, LONGEST_DELAY_DAYS)].append(PlannedRecord(change, fault))


def _by_op(changes: Sequence[Change]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, change in enumerate(changes):
        places.setdefault(change.op, []).append(place)
    return places


def _take_one(lists: list[list[int]], rng: Random) -> int:
    """Take one of all the places out of its list and return it."""
    chosen = rng.choices(lists, [len(places) for places in lists])[0]
    at = rng.randrange(len(chosen))
    chosen[at], chosen[-1] = chosen[-1], chosen[at]
    return chosen.pop()
