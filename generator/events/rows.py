"""A file's rows of ordinary traffic, and which of them are to be bad, odd or late."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from generator.clock import DAY_SECONDS, to_ms, to_text
from generator.events.odd_rows import VERY_LATE
from generator.events.shop import open_shop
from generator.events.traffic import Columns, ordinary_events

if TYPE_CHECKING:
    from generator.events.plan import FilePlan, World
    from generator.faults import Fault, Row

MINUTE_MS, DAY_MS = 60_000, DAY_SECONDS * 1_000
LATE_MS, VERY_LATE_MS = (15 * MINUTE_MS, 60 * MINUTE_MS), (2 * DAY_MS, 20 * DAY_MS)


class FileRows(NamedTuple):
    """A file's rows by column, late ones already dated back, and the places of each sort of row in it."""

    columns: Columns
    bad: list[int]
    odd: list[int]
    late: list[int]
    clean: list[int]

    def row(self, place: int) -> Row:
        """Return one row, by field."""
        return {name: values[place] for name, values in self.columns.items()}


class RowMaker:
    """Makes the rows of one world's files, the same for the same plan every time."""

    def __init__(self, world: World) -> None:
        self.shop = open_shop(world.options.seed)
        self._seed, self._clock = world.options.seed, world.clock

    def ordinary(self, plan: FilePlan) -> Columns:
        """Return the file's rows before any fault."""
        return ordinary_events(
            self.shop, self._clock, seed=self._seed, index=plan.index, first=plan.first, count=plan.ordinary
        )

    def rows(self, plan: FilePlan) -> FileRows:
        """Return the file's rows with their sorts drawn; bad and odd ones are not changed yet."""
        rng = np.random.default_rng([self._seed, 2, plan.index])
        places = rng.permutation(plan.ordinary).tolist()
        ends = np.cumsum([len(plan.bad), len(plan.odd), len(plan.late)]).tolist()
        bad, odd, late, clean = (places[a:b] for a, b in zip([0, *ends], [*ends, None], strict=True))
        columns = self.ordinary(plan)
        for place, fault in zip(late, plan.late, strict=True):
            columns["event_time"][place] = _dated_back(columns["event_time"][place], fault, rng)
        return FileRows(columns, bad, odd, late, clean)


def _dated_back(event_time: str, fault: Fault, rng: np.random.Generator) -> str:
    low, high = VERY_LATE_MS if fault is VERY_LATE else LATE_MS
    return to_text(to_ms(datetime.fromisoformat(event_time)) - int(rng.integers(low, high)))
