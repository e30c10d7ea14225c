"""From what happened to what is written: changes repeated, spoilt and mixed up, file by file."""

from __future__ import annotations

from collections import deque
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from generator.changes import fault_table as table
from generator.changes import odd_rows as odd
from generator.changes.arrivals import Arrivals
from generator.changes.contracts import columns_in, latest_version
from generator.changes.drafts import Draft, Entry, Shares, Turns
from generator.changes.layouts import Layout, layout_for, layouts_of
from generator.changes.strange import strange
from generator.fault_table import EMPTY_FILE, HEADER_ONLY, ODD_FILES
from generator.odd_rows import COPY_IN_FILE
from schema_registry.contract import VERSION_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.changes.change import Change
    from generator.changes.options import ShopOptions

EARLIER_DAYS, KEPT_ROWS = 20, 24
ODD_FILE_EVERY = 3
EARLY_DAYS, SMALL_EVERY, LATER_EVERY, SMALL_ROWS = 20, 4, 20, 5
WITH_ROW = ("c", "r", "u")
Placed = tuple[float, Entry]


class Chaos:
    """What becomes of one subject's changes on their way to its files; days must be given in order.

    The ordinary changes of the shop all arrive, some of them late: faults are rows beside them. Depends on the options
    and the subject's own changes alone.
    """

    def __init__(self, subject: str, options: ShopOptions) -> None:
        self._subject, self._options = subject, options
        self._day, self._rng, self._numbers, self._shares = -1, Random(), count(1), Shares()
        self._arrivals = Arrivals(subject, self._numbers)
        self._bad, self._odd = Turns(table.bad_turns(subject)), Turns(table.odd_turns(subject))
        self._copies, self._kinds = Turns(odd.COPIES), Turns(ODD_FILES)
        self._small = Turns(table.small_files(subject).values())
        self._kept: deque[list[Change]] = deque(maxlen=EARLIER_DAYS)

    def next_day(self, changes: Sequence[Change]) -> list[Draft]:
        """The files of the next day, in the order of their names; the main one is always there."""
        self._day += 1
        self._rng.seed(f"{self._options.seed}/{self._subject}/{self._day}")
        layouts = layouts_of(self._subject, self._day)
        files: dict[Layout, list[Entry]] = {layout: [] for layout in layouts}
        delays = self._shares.due("late", len(changes), self._options.lates)
        for entry in self._arrivals.on(self._day, changes, delays, self._rng):
            files[layout_for(entry.change, layouts)].append(entry)
        drafts = [self._draft(layout, entries) for layout, entries in files.items() if entries or not layout.part]
        self._kept.append(self._worth_keeping(drafts))
        return sorted([*drafts, *self._small_files(changes)], key=lambda draft: draft.layout.part)

    def _draft(self, layout: Layout, entries: list[Entry]) -> Draft:
        is_odd = self._options.fault_rate > 0 and not layout.part and self._day % ODD_FILE_EVERY == ODD_FILE_EVERY - 1
        extras = [*self._beside(layout, entries), *self._repeated(layout, entries)]
        return Draft(layout, self._kinds.take() if is_odd else None, self._ordered(entries, extras))

    def _ordered(self, entries: list[Entry], extras: list[Placed]) -> list[Entry]:
        """Everything in its place; what is out of order gets any other."""
        if not extras and not any(entry.fault is odd.OUT_OF_ORDER for entry in entries):
            return entries
        rng, last = self._rng, len(entries)
        placed: list[Placed] = [
            (rng.random() * last if entry.fault is odd.OUT_OF_ORDER else place, entry)
            for place, entry in enumerate(entries)
        ]
        return [entry for _, entry in sorted([*placed, *extras], key=lambda each: each[0])]

    def _beside(self, layout: Layout, entries: list[Entry]) -> list[Placed]:
        """Bad and odd rows, each beside an ordinary one with a whole row."""
        rates = ((self._bad, "bad", self._options.fault_rate), (self._odd, "odd", self._options.oddities))
        wanted = [turns for turns, sort, rate in rates for _ in range(self._shares.due(sort, len(entries), rate))]
        bases = [
            place for place, entry in enumerate(entries) if entry.fault is None and entry.change.op in WITH_ROW
        ] if wanted else []  # fmt: skip
        made = [self._planted(turns, layout, entries, self._rng.choice(bases)) for turns in wanted if bases]
        return [each for each in made if each]

    def _planted(self, turns: Turns, layout: Layout, entries: list[Entry], place: int) -> Placed | None:
        base = entries[place].change
        fault = turns.take(lambda fault: table.suits(fault, layout, base.op, base.version))
        if fault is None:
            return None
        number = next(self._numbers)
        if fault.reasons:
            return place + 0.5, Entry(base._replace(change_id=f"{base.change_id}-{number}"), fault)
        change = strange(fault, self._subject, base, number, self._rng)
        is_first = fault in (odd.BEFORE_INSERT, odd.PRICE_JUMP)
        return place + (-0.5 if is_first else 0.5), Entry(change, fault)

    def _repeated(self, layout: Layout, entries: list[Entry]) -> list[Placed]:
        """Copies, behind what they repeat where that is in this file."""
        wanted = self._shares.due("copies", len(entries), self._options.duplicates)
        places = [place for place, entry in enumerate(entries) if entry.fault is None] if wanted else []
        return [self._copy(layout, entries, places) for _ in range(wanted) if places]

    def _copy(self, layout: Layout, entries: list[Entry], places: list[int]) -> Placed:
        """A copy; one in this file where there is no earlier change that this file could hold."""
        rng, fault, earlier = self._rng, self._copies.take() or COPY_IN_FILE, self._earlier(layout)
        pick = rng.randrange(len(places))
        behind = places[pick] + (len(entries) - places[pick]) * rng.random()
        content = entries[places[pick]].change
        if fault is odd.OTHER_CONTENT:
            is_far = earlier is not None and rng.random() < 0.5
            repeated = earlier if earlier and is_far else entries[places[rng.randrange(pick + 1)]].change
            return behind, Entry(_other_content(repeated, content), fault)
        if fault is COPY_IN_FILE or earlier is None:
            return behind, Entry(content, COPY_IN_FILE)
        return behind, Entry(earlier, fault)

    def _earlier(self, layout: Layout) -> Change | None:
        """A change of the days before that this layout can hold, if a few tries find one."""
        for _ in range(5 if self._kept else 0):
            kept = self._rng.choice(self._kept)
            change = self._rng.choice(kept) if kept else None
            if change and change.version in layout.versions and (change.partial or not layout.narrow):
                return change
        return None

    def _worth_keeping(self, drafts: list[Draft]) -> list[Change]:
        """Some accepted changes of a day, for copies on later ones."""
        lates = odd.LATE[self._subject]
        found = [
            entry.change for draft in drafts for entry in draft.entries if entry.fault is None or entry.fault in lates
        ] if self._options.duplicates else []  # fmt: skip
        return self._rng.sample(found, min(KEPT_ROWS, len(found)))

    def _small_files(self, changes: Sequence[Change]) -> list[Draft]:
        """A small faulty file on some days, whose rows all share its fate."""
        every = SMALL_EVERY if self._day < EARLY_DAYS else LATER_EVERY
        if self._options.fault_rate == 0 or self._day % every != every - 1:
            return []
        latest, kind = latest_version(self._subject), self._small.take()
        columns = (*columns_in(self._subject, latest), VERSION_COLUMN)
        layout = Layout(self._subject, "_small", (latest,), columns)
        bases = [each for each in changes if each.op in WITH_ROW and each.version == latest][:SMALL_ROWS]
        bases = [] if kind in (EMPTY_FILE, HEADER_ONLY) else bases
        rows = [base._replace(op="c", change_id=f"{base.change_id}-{next(self._numbers)}") for base in bases]
        return [Draft(layout, kind, [Entry(row, kind) for row in rows])]


def _other_content(repeated: Change, content: Change) -> Change:
    """The id of one change with the content of another, or with another sequence if it is the same."""
    seq = content.seq + 5 if content is repeated else content.seq
    return content._replace(change_id=repeated.change_id, seq=seq)
