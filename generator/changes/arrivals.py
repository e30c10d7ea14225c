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
        entries: dict[int, Entry] = dict(enumerate(map(Entry, changes)))
        for _ in range(delays):
            self._delay(day, entries, rng)
        arriving = list(entries.values())
        for entry in self._held.pop(day, []):
            arriving.insert(rng.randrange(len(arriving) + 1), entry)
        return arriving

    def _delay(self, day: int, entries: dict[int, Entry], rng: Random) -> None:
        """Have one change come late, or in another place, or with an older one behind it."""
        ordinary = [place for place, entry in entries.items() if entry.fault is None]
        ops = {entries[place].change.op for place in ordinary}
        fault = self._turns.take(lambda fault: not ops.isdisjoint(OPS[fault.name]))
        if fault is None:
            return
        place = rng.choice([place for place in ordinary if entries[place].change.op in OPS[fault.name]])
        change = entries[place].change
        if fault is odd.OUT_OF_ORDER:
            entries[place] = Entry(change, fault)
            return
        if fault is odd.BEHIND_DELETE:
            change = behind_delete(change, self._subject, next(self._numbers), rng)
        else:
            del entries[place]
        self._held[day + rng.randint(1, LONGEST_DELAY)].append(Entry(change, fault))
