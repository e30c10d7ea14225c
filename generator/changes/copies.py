"""Copies of changes: one of the same file or of an earlier day again, which is a duplicate."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from generator.changes import odd_rows as odd
from generator.changes.planned_file import PlannedRecord
from generator.changes.rotation import Rotation
from generator.faults import COPY_IN_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from generator.changes.change import Change
    from generator.changes.layouts import Layout
    from generator.changes.planned_file import PlannedFile

EARLIER_DAYS, KEPT_ROWS = 20, 24


class Copier:
    """Makes the copies of one subject, from the file at hand and from changes kept of the days before."""

    def __init__(self, subject: str, rng: Random) -> None:
        self._rng, self._late_faults = rng, odd.LATE[subject]
        self._rotation = Rotation(odd.COPIES)
        self._kept: deque[list[Change]] = deque(maxlen=EARLIER_DAYS)

    def copy(
        self, layout: Layout, records: Sequence[PlannedRecord], places: Sequence[int]
    ) -> tuple[float, PlannedRecord]:
        """Return a copy and its place behind the record that it repeats, if that is in this file.

        ``places`` are those of the ordinary records. It is a copy in this file where there is no earlier change that
        this file could hold.
        """
        rng, fault, earlier = self._rng, self._rotation.take() or COPY_IN_FILE, self._earlier(layout)
        pick = rng.randrange(len(places))
        place = places[pick] + (len(records) - places[pick]) * rng.random()
        content = records[places[pick]].change
        if fault is odd.OTHER_CONTENT:
            is_earlier = earlier is not None and rng.random() < 0.5
            repeated = earlier if earlier and is_earlier else records[places[rng.randrange(pick + 1)]].change
            return place, PlannedRecord(_other_content(repeated, content), fault)
        if fault is COPY_IN_FILE or earlier is None:
            return place, PlannedRecord(content, COPY_IN_FILE)
        return place, PlannedRecord(earlier, fault)

    def keep(self, files: Sequence[PlannedFile]) -> None:
        """Keep some accepted changes of a day, for copies on later ones."""
        accepted = [
            change for file in files for change, fault in file.records if fault is None or fault in self._late_faults
        ]
        self._kept.append(self._rng.sample(accepted, min(KEPT_ROWS, len(accepted))))

    def _earlier(self, layout: Layout) -> Change | None:
        """Return a change of the days before that this layout can hold, if a few tries find one."""
        for _ in range(5 if self._kept else 0):
            kept = self._rng.choice(self._kept)
            change = self._rng.choice(kept) if kept else None
            if change and layout.can_hold(change):
                return change
        return None


def _other_content(repeated: Change, content: Change) -> Change:
    """Return the id of one change with the content of another, or with another sequence if it is the same."""
    seq = content.seq + 5 if content is repeated else content.seq
    return content._replace(change_id=repeated.change_id, seq=seq)
