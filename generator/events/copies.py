"""Copies: rows that repeat one of the same file or of an earlier one, and so are duplicates."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from generator import csvtext
from generator.events.odd_rows import OTHER_CONTENT
from generator.events.paths import COUNTED_TYPES
from generator.faults import COPY_IN_FILE
from generator.file_faults import EXTRA_VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from generator.events.plan import FilePlan, World
    from generator.events.rows import FileRows, RowMaker
    from generator.faults import Fault, Row

EARLIER_FILES = 20
KEPT_ROWS, KEPT_LATE_ROWS = 24, 4
FILE_COLUMNS = ("schema_version", *EXTRA_VALUES)  # belong to the file: a copy takes those of its new file


class Records(NamedTuple):
    """Three lists of one length: the text of each record, its event id, its fault (None: an ordinary row)."""

    lines: list[str]
    event_ids: list[str | None]
    faults: list[Fault | None]


class Copy(NamedTuple):
    """A record to be put in right behind the ordinary row at ``after``."""

    after: int
    line: str
    event_id: str | None
    fault: Fault


class Copier:
    """Makes a file's copies. Keeps some rows of the last files; they depend on the world alone and save repetition."""

    def __init__(self, world: World, maker: RowMaker) -> None:
        self._first, self._maker = world.first, maker
        self._kept: dict[int, list[Row]] = {}
        self._plan = lru_cache(maxsize=2 * EARLIER_FILES)(world.plan)

    def remember(self, index: int, rows: FileRows) -> list[Row]:
        """Keep some accepted rows of a file for copies in later ones, and return them."""
        self._kept[index] = [rows.row(place) for place in (*rows.clean[:KEPT_ROWS], *rows.late[:KEPT_LATE_ROWS])]
        for old in [number for number in self._kept if number < index - EARLIER_FILES - 1]:
            del self._kept[old]
        return self._kept[index]

    def copies(
        self, plan: FilePlan, rows: FileRows, header: Sequence[str], records: Records, rng: np.random.Generator
    ) -> list[Copy]:
        """Return the copies of a file, each behind the row it repeats where that one is in this file."""
        own = {name: rows.columns[name][0] for name in FILE_COLUMNS if name in rows.columns}
        earlier = self._earlier_numbers(plan.index) if plan.copies else []
        accepted, made = [*rows.clean, *rows.odd, *rows.late], []
        for fault in plan.copies:
            if fault is COPY_IN_FILE or not earlier:
                made.append(_copy_in_file(accepted, records, rng))
                continue
            place = rows.clean[int(rng.integers(len(rows.clean)))]
            is_own = fault is OTHER_CONTENT and rng.random() < 0.5
            row = (rows.row(place) if is_own else self._earlier_row(earlier, rng)) | own
            row = _other_content(row) if fault is OTHER_CONTENT else row
            after = int(rng.integers(place, plan.ordinary))
            made.append(Copy(after, csvtext.record([row[name] for name in header]), row["event_id"], fault))
        return made

    def _earlier_numbers(self, index: int) -> list[int]:
        """Return the regular files among the twenty before, those of this world and with rows to copy only."""
        oldest = max(self._first, index - EARLIER_FILES)
        plans = [self._plan(number) for number in range(oldest, index)]
        return [plan.index for plan in plans if plan.regular and plan.ordinary > len(plan.bad) + len(plan.odd)]

    def _earlier_row(self, numbers: Sequence[int], rng: np.random.Generator) -> Row:
        """Return an accepted row of one of the given files, which are made again where they are not kept."""
        number = numbers[int(rng.integers(len(numbers)))]
        kept = self._kept.get(number)
        rows = self.remember(number, self._maker.rows(self._plan(number))) if kept is None else kept
        return rows[int(rng.integers(len(rows)))]


def _copy_in_file(accepted: Sequence[int], records: Records, rng: np.random.Generator) -> Copy:
    place = accepted[int(rng.integers(len(accepted)))]
    after = int(rng.integers(place, len(records.lines)))
    return Copy(after, records.lines[place], records.event_ids[place], COPY_IN_FILE)


def _other_content(row: Row) -> Row:
    """Return the row with another price, and another quantity where it counts pieces; as valid as before."""
    price = f"{float(row['price']) + 1:.2f}" if row["price"] else "9.99"
    quantity = str(int(row["quantity"]) + 1) if row["event_type"] in COUNTED_TYPES else row["quantity"]
    return row | {"price": price, "quantity": quantity}


def with_copies(records: Records, copies: list[Copy]) -> Records:
    """Return the records with every copy behind its place."""
    made, begin = Records([], [], []), 0
    for copy in sorted(copies, key=lambda copy: copy.after):
        _extend(made, records, begin, copy.after + 1)
        made.lines.append(copy.line)
        made.event_ids.append(copy.event_id)
        made.faults.append(copy.fault)
        begin = copy.after + 1
    _extend(made, records, begin, len(records.lines))
    return made


def _extend(made: Records, records: Records, begin: int, end: int) -> None:
    made.lines.extend(records.lines[begin:end])
    made.event_ids.extend(records.event_ids[begin:end])
    made.faults.extend(records.faults[begin:end])
