"""The plan of every file of events, from its number alone: version, columns, kind and counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from generator.clock import Clock
from generator.events.fault_table import BAD_BY_LAYOUT, DROPPED, ODD_BY_LAYOUT, SMALL_FILES
from generator.events.odd_rows import COPIES, LATE, VERY_LATE
from generator.events.traffic import FIELDS
from generator.file_faults import ODD_FILES

if TYPE_CHECKING:
    from generator.events.options import EventOptions
    from generator.faults import Fault

Layout = tuple[int, bool]  # version, whether there is a schema_version column

# Twenty files in turn: 4 of version 1, 6 of version 2 (every other one naming it), 10 of version 3 (8 naming it).
ROTATION: tuple[Layout, ...] = (
    (3, True), (2, True), (3, True), (1, False), (3, True), (2, False), (3, True), (3, False), (1, False), (2, True),
    (3, True), (2, False), (3, True), (1, False), (3, True), (2, True), (3, False), (3, True), (2, False), (1, False),
)  # fmt: skip
EARLY_BLOCKS, EARLY_EVERY, LATER_EVERY = 5, 4, 20  # small files: one in each early block of 4 files, then of 20
SMALL_ROWS = 5
ODD_FILE_EVERY = 3
LATE_ROTATION = (LATE, LATE, VERY_LATE, LATE, LATE)


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file before it is written. ``kind`` is a file fault or None; counts are rows; ``first`` is a clock ordinal.

    ``bad``, ``odd``, ``late`` and ``copies`` name the faults of single rows, in no particular place.
    """

    index: int
    regular: bool
    kind: Fault | None
    version: int
    names_version: bool
    rows: int
    first: int
    until_ms: int
    bad: tuple[Fault, ...] = ()
    odd: tuple[Fault, ...] = ()
    late: tuple[Fault, ...] = ()
    copies: tuple[Fault, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a plain file of this version has."""
        return (*FIELDS[self.version], "schema_version") if self.names_version else FIELDS[self.version]

    @property
    def ordinary(self) -> int:
        """Number of rows that are events of their own, not copies."""
        return self.rows - len(self.copies)


class RowFaults(NamedTuple):
    """The faults of single rows, by sort."""

    bad: tuple[Fault, ...]
    odd: tuple[Fault, ...]
    late: tuple[Fault, ...]
    copies: tuple[Fault, ...]


class Place(NamedTuple):
    """The number of regular files before a file, and which small kind it is, if small."""

    regular: int
    small: int | None


def place_of(number: int) -> Place:
    """Return the place of the ``number``-th file (from 0) of a world that has faults."""
    early = EARLY_BLOCKS * (EARLY_EVERY + 1)
    if number < early:
        block, within = divmod(number, EARLY_EVERY + 1)
        before, small_at = block * EARLY_EVERY, EARLY_EVERY - 1
    else:
        block, within = divmod(number - early, LATER_EVERY + 1)
        before, small_at = EARLY_BLOCKS * EARLY_EVERY + block * LATER_EVERY, LATER_EVERY
    if within == small_at:
        return Place(before + small_at, block % len(SMALL_FILES))
    return Place(before + within - (within > small_at), None)


def fault_numbers(turn: int, rows: int, rate: float) -> range:
    """Return the numbers of the faults of the ``turn``-th file of ``rows`` rows: over many files ``rate`` of all rows."""
    return range(int(turn * rows * rate + 1e-9), int((turn + 1) * rows * rate + 1e-9))


@dataclass(frozen=True)
class World:
    """Everything the rows depend on. ``first`` is the number of its first file, ``origin_ms`` where its clock begins.

    Two worlds that are equal but for paths and pace give the same bytes for the same file number.
    """

    options: EventOptions
    first: int
    origin_ms: int

    @cached_property
    def clock(self) -> Clock:
        """The simulated clock."""
        return Clock(self.origin_ms, self.options.events_per_second)

    @cached_property
    def rotation(self) -> tuple[Layout, ...]:
        """The layouts in turn, those of the wanted versions only."""
        return tuple(layout for layout in ROTATION if layout[0] in self.options.versions)

    def plan(self, index: int) -> FilePlan:
        """Return the plan of file ``index``, a pure function of this world."""
        number = index - self.first
        place = place_of(number) if self.options.fault_rate > 0 else Place(number, None)
        return self._regular(index, place.regular) if place.small is None else self._small(index, place)

    def _small(self, index: int, place: Place) -> FilePlan:
        version, first = max(self.options.versions), place.regular * self.options.rows_per_file
        kinds = SMALL_FILES if version > 1 else tuple(kind for kind in SMALL_FILES if kind is not DROPPED)
        kind = kinds[(place.small or 0) % len(kinds)]
        rows = SMALL_ROWS if kind.reasons else 0
        until = self.clock.moment(first + rows)
        return FilePlan(index, False, kind, version, version > 1, rows, first, until)

    def _regular(self, index: int, turn: int) -> FilePlan:
        version, names_version = self.rotation[turn % len(self.rotation)]
        rows, first = self.options.rows_per_file, turn * self.options.rows_per_file
        row_faults = self._row_faults(turn)
        until = self.clock.moment(first + rows)
        return FilePlan(index, True, self._odd_kind(turn), version, names_version, rows, first, until, *row_faults)

    def _row_faults(self, turn: int) -> RowFaults:
        """Return the row faults of the ``turn``-th regular file: at most as many as it has rows.

        Copies are left out where no ordinary row would be left to copy.
        """
        version, _ = layout = self.rotation[turn % len(self.rotation)]
        rows, options, of_layout = self.options.rows_per_file, self.options, self._earlier_of_layout(layout, turn)
        bad = _in_rotation(
            BAD_BY_LAYOUT[layout], fault_numbers(of_layout, rows, options.fault_rate), shift=13 * version
        )
        odd = _in_rotation(ODD_BY_LAYOUT[layout], fault_numbers(of_layout, rows, options.oddities), shift=5 * version)
        late = _in_rotation(LATE_ROTATION, fault_numbers(turn, rows, options.lates), shift=0)
        copies = _in_rotation(COPIES, fault_numbers(turn, rows, options.duplicates), shift=0)
        odd = odd[: rows - len(bad)]
        late = late[: rows - len(bad) - len(odd)]
        has_room = len(bad) + len(odd) + len(late) + len(copies) < rows
        return RowFaults(bad, odd, late, copies if has_room else ())

    def _earlier_of_layout(self, layout: Layout, turn: int) -> int:
        rounds, within = divmod(turn, len(self.rotation))
        return rounds * self.rotation.count(layout) + self.rotation[:within].count(layout)

    def _odd_kind(self, turn: int) -> Fault | None:
        is_odd = self.options.fault_rate > 0 and turn % ODD_FILE_EVERY == ODD_FILE_EVERY - 1
        return ODD_FILES[turn // ODD_FILE_EVERY % len(ODD_FILES)] if is_odd else None


def _in_rotation(faults: tuple[Fault, ...], numbers: range, *, shift: int) -> tuple[Fault, ...]:
    return tuple(faults[(number + shift) % len(faults)] for number in numbers)
