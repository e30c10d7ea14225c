"""``FaultInjector``: turns a day's changes into planned files, with faults, copies and late arrivals."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING

from generator.changes import fault_table as table
from generator.changes import odd_rows as odd
from generator.changes.arrivals import Arrivals
from generator.changes.contracts import latest_names, latest_version
from generator.changes.copies import Copier
from generator.changes.layouts import Layout, layout_for, layouts_of
from generator.changes.odd_changes import odd_change
from generator.changes.planned_file import PlannedFile, PlannedRecord
from generator.changes.rotation import Quotas, Rotation
from generator.file_faults import EMPTY_FILE, HEADER_ONLY, ODD_FILES
from schema_registry.contract import VERSION_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.changes.change import Change
    from generator.changes.options import ShopOptions

ODD_FILE_EVERY = 3
EARLY_DAYS, SMALL_EVERY, LATER_EVERY, SMALL_ROWS = 20, 4, 20, 5
WITH_ROW = ("c", "r", "u")
Placed = tuple[float, PlannedRecord]


class FaultInjector:
    """Plans the files of one subject, day by day; days must be given in order.

    The ordinary changes of the shop all arrive, some of them late: faults are additional rows. Depends on the options
    and the subject's own changes alone.
    """

    def __init__(self, subject: str, options: ShopOptions) -> None:
        self._subject, self._options = subject, options
        self._day, self._rng, self._numbers, self._quotas = -1, Random(), count(1), Quotas()
        self._arrivals, self._copier = Arrivals(subject, self._numbers), Copier(subject, self._rng)
        self._bad, self._odd = Rotation(table.bad_rotation(subject)), Rotation(table.odd_rotation(subject))
        self._odd_files, self._small_files = Rotation(ODD_FILES), Rotation(table.small_files(subject))

    def next_day(self, changes: Sequence[Change]) -> list[PlannedFile]:
        """Plan the files of the next day, in the order of their names; the main one is always there."""
        self._day += 1
        self._rng.seed(f"{self._options.seed}/{self._subject}/{self._day}")
        layouts = layouts_of(self._subject, self._day)
        by_layout: dict[Layout, list[PlannedRecord]] = {layout: [] for layout in layouts}
        delays = self._quotas.due("late", len(changes), self._options.lates)
        for record in self._arrivals.on(self._day, changes, delays, self._rng):
            by_layout[layout_for(record.change, layouts)].append(record)
        files = [self._file(layout, records) for layout, records in by_layout.items() if records or not layout.part]
        if self._options.duplicates:
            self._copier.keep(files)
        return sorted([*files, *self._small_file(changes)], key=lambda file: file.layout.part)

    def _file(self, layout: Layout, records: list[PlannedRecord]) -> PlannedFile:
        is_odd = self._options.fault_rate > 0 and not layout.part and self._day % ODD_FILE_EVERY == ODD_FILE_EVERY - 1
        extras = [*self._faulty(layout, records), *self._copies(layout, records)]
        return PlannedFile(layout, self._odd_files.take() if is_odd else None, self._ordered(records, extras))

    def _ordered(self, records: list[PlannedRecord], extras: list[Placed]) -> list[PlannedRecord]:
        """Return all records by their place; those out of order get a random one."""
        if not extras and not any(record.fault is odd.OUT_OF_ORDER for record in records):
            return records
        rng, last = self._rng, len(records)
        placed: list[Placed] = [
            (rng.random() * last if record.fault is odd.OUT_OF_ORDER else place, record)
            for place, record in enumerate(records)
        ]
        return [record for _, record in sorted([*placed, *extras], key=lambda each: each[0])]

    def _faulty(self, layout: Layout, records: list[PlannedRecord]) -> list[Placed]:
        """Return bad and odd rows, each derived from an ordinary change with a whole row and placed next to it."""
        rates = ((self._bad, "bad", self._options.fault_rate), (self._odd, "odd", self._options.oddities))
        wanted = [faults for faults, sort, rate in rates for _ in range(self._quotas.due(sort, len(records), rate))]
        bases = [
            place for place, (change, fault) in enumerate(records) if fault is None and change.op in WITH_ROW
        ] if wanted else []  # fmt: skip
        made = [self._planted(faults, layout, records, self._rng.choice(bases)) for faults in wanted if bases]
        return [each for each in made if each]

    def _planted(self, faults: Rotation, layout: Layout, records: list[PlannedRecord], place: int) -> Placed | None:
        base = records[place].change
        fault = faults.take(lambda fault: table.suits(fault, layout, base.op, base.version))
        if fault is None:
            return None
        number = next(self._numbers)
        if fault.reasons:
            return place + 0.5, PlannedRecord(base._replace(change_id=f"{base.change_id}-{number}"), fault)
        change = odd_change(fault, self._subject, base, number, self._rng)
        is_first = fault in (odd.BEFORE_INSERT, odd.PRICE_JUMP)
        return place + (-0.5 if is_first else 0.5), PlannedRecord(change, fault)

    def _copies(self, layout: Layout, records: list[PlannedRecord]) -> list[Placed]:
        wanted = self._quotas.due("copies", len(records), self._options.duplicates)
        places = [place for place, record in enumerate(records) if record.fault is None] if wanted else []
        return [self._copier.copy(layout, records, places) for _ in range(wanted) if places]

    def _small_file(self, changes: Sequence[Change]) -> list[PlannedFile]:
        """Return a small faulty file on some days, none on others; its rows all share its fault."""
        every = SMALL_EVERY if self._day < EARLY_DAYS else LATER_EVERY
        if self._options.fault_rate == 0 or self._day % every != every - 1:
            return []
        latest, kind = latest_version(self._subject), self._small_files.take()
        columns = (*latest_names(self._subject, latest), VERSION_COLUMN)
        layout = Layout(self._subject, "_small", (latest,), columns)
        bases = [each for each in changes if each.op in WITH_ROW and each.version == latest][:SMALL_ROWS]
        bases = [] if kind in (EMPTY_FILE, HEADER_ONLY) else bases
        rows = [base._replace(op="c", change_id=f"{base.change_id}-{next(self._numbers)}") for base in bases]
        return [PlannedFile(layout, kind, [PlannedRecord(row, kind) for row in rows])]
