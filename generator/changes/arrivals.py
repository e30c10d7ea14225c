"""Changes that do not come when they should: held back for some files, or out of place within theirs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from generator.changes import odd_rows as odd
from generator.changes.drafts import Entry, Turns
from generator.changes.strange import behind_delete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from generator.changes.change import Change

LONGEST_DELAY = 6  # days, which are files
OPS = {"late_insert": "cr", "late_update": "u", "late_delete": "d", "update_behind_delete": "d", "out_of_order": "crud"}


class Arrivals:
    """What arrives on each day of what happened; days must be asked for in order."""

    def __init__(self, subject: str, numbers: Iterator[int]) -> None:
        self._subject, self._numbers = subject, numbers
        self._turns = Turns(odd.LATE[subject])
        self._held: defaultdict[int, list[Entry]] = defaultdict(list)

    def on(self, day: int, changes: Sequence[Change], delays: int, rng: Random) -> list[Entry]:
        """The day's changes in source order but for ``delays`` of them, and between them those held back until now."""
        entries: list[Entry | None] = list(map(Entry, changes))
        places = _by_op(changes) if delays else {}
        for _ in range(delays):
            self._delay(day, entries, places, rng)
        arriving = [entry for entry in entries if entry]
        for entry in self._held.pop(day, []):
            arriving.insert(rng.randrange(len(arriving) + 1), entry)
        return arriving

    def _delay(self, day: int, entries: list[Entry | None], places: dict[str, list[int]], rng: Random) -> None:
        """Have one change come late, or in another place, or with an older one behind it."""
        fault = self._turns.take(lambda fault: any(places.get(op) for op in OPS[fault.name]))
        if fault is None:
            return
        place = _picked([places[op] for op in OPS[fault.name] if places.get(op)], rng)
        entry = entries[place]
        assert entry is not None
        if fault is odd.OUT_OF_ORDER:
            entries[place] = Entry(entry.change, fault)
            return
        change = entry.change
        if fault is odd.BEHIND_DELETE:
            change = behind_delete(change, self._subject, next(self._numbers), rng)
        else:
            entries[place] = None
        self._held[day + rng.randint(1, LONGEST_DELAY)].append(Entry(change, fault))


def _by_op(changes: Sequence[Change]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, change in enumerate(changes):
        places.setdefault(change.op, []).append(place)
    return places


def _picked(lists: list[list[int]], rng: Random) -> int:
    """One of all the places, which is taken out of its list."""
    chosen = rng.choices(lists, [len(places) for places in lists])[0]
    at = rng.randrange(len(chosen))
    chosen[at], chosen[-1] = chosen[-1], chosen[at]
    return chosen.pop()
