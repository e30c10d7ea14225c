"""Making one file: ordinary rows, then the faults, then the copies, then the text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from generator import csvtext
from generator import fault_table as table
from generator.clock import to_ms, to_text
from generator.events import COUNTED_TYPES, Columns, natural_events
from generator.odd_rows import COPY_IN_FILE, OTHER_CONTENT, VERY_LATE
from generator.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.faults import Fault, Row
    from generator.plan import FilePlan, World

MINUTE_MS, DAY_MS = 60_000, 86_400_000
LATE_MS, VERY_LATE_MS = (15 * MINUTE_MS, 60 * MINUTE_MS), (2 * DAY_MS, 20 * DAY_MS)
EARLIER_FILES = 20
KEPT_ROWS, KEPT_LATE_ROWS = 24, 4
BLANK_EVERY = 7
EXTRA_VALUES = {"loyalty_tier": ("bronze", "silver", "gold", ""), "ab_bucket": ("a", "b")}
SIDE_NAMES = ("schema_version", *EXTRA_VALUES)


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file ready to be written. ``event_ids`` and ``fates`` have one entry for each record, in order.

    A fate is the record's fault, or None for an ordinary row; an event id is None where the record carries none.
    """

    plan: FilePlan
    data: bytes
    event_ids: list[str | None]
    fates: list[Fault | None]

    @property
    def version(self) -> int | None:
        """The version the file was written in; None where its header is of none."""
        return None if self.plan.kind is table.STRANGE else self.plan.version


class Draft(NamedTuple):
    """A file's ordinary rows, late ones already dated back, and the places of the marked and unmarked ones."""

    columns: Columns
    bad: list[int]
    odd: list[int]
    late: list[int]
    clean: list[int]

    def row(self, place: int) -> Row:
        """One row, by field."""
        return {name: values[place] for name, values in self.columns.items()}


class Records(NamedTuple):
    """Three lists of one length: the text of each record, its event id, its fate."""

    lines: list[str]
    event_ids: list[str | None]
    fates: list[Fault | None]


class Copy(NamedTuple):
    """A record to be put in right behind the ordinary row at ``after``."""

    after: int
    line: str
    event_id: str | None
    fate: Fault


class FileBuilder:
    """Builds the files of one world. Each depends on the world and its number alone; a small cache saves repetition."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shop = open_shop(world.options.seed)
        self._kept: dict[int, list[Row]] = {}
        self._plan = lru_cache(maxsize=2 * EARLIER_FILES)(world.plan)

    def build(self, index: int) -> BuiltFile:
        """File number ``index``, always the same bytes."""
        plan = self._plan(index)
        if not plan.regular:
            return _small_file(plan, self._natural(plan))
        rng = np.random.default_rng([self._world.options.seed, 3, index])
        draft = self._draft(plan)
        self._remember(index, draft)
        header = _header(plan, rng)
        draft.columns.update(_side_columns(plan, rng))
        records = self._records(draft, plan, header, rng)
        records = _woven(records, self._copies(draft, plan, header, records, rng))
        return BuiltFile(plan, file_bytes(plan.kind, header, records.lines), records.event_ids, records.fates)

    def _natural(self, plan: FilePlan) -> Columns:
        seed, clock = self._world.options.seed, self._world.clock
        return natural_events(self._shop, clock, seed=seed, index=plan.index, first=plan.first, count=plan.natural)

    def _draft(self, plan: FilePlan) -> Draft:
        rng = np.random.default_rng([self._world.options.seed, 2, plan.index])
        places = rng.permutation(plan.natural).tolist()
        ends = np.cumsum([len(plan.bad), len(plan.odd), len(plan.late)]).tolist()
        bad, odd, late, clean = (places[a:b] for a, b in zip([0, *ends], [*ends, None], strict=True))
        columns = self._natural(plan)
        for place, fault in zip(late, plan.late, strict=True):
            columns["event_time"][place] = _dated_back(columns["event_time"][place], fault, rng)
        return Draft(columns, bad, odd, late, clean)

    def _remember(self, index: int, draft: Draft) -> list[Row]:
        """Keep some accepted rows of a file for copies in later ones."""
        self._kept[index] = [draft.row(place) for place in (*draft.clean[:KEPT_ROWS], *draft.late[:KEPT_LATE_ROWS])]
        for old in [number for number in self._kept if number < index - EARLIER_FILES - 1]:
            del self._kept[old]
        return self._kept[index]

    def _records(self, draft: Draft, plan: FilePlan, header: Sequence[str], rng: np.random.Generator) -> Records:
        lines = list(map(",".join, zip(*(draft.columns[name] for name in header), strict=True)))
        event_ids: list[str | None] = list(draft.columns["event_id"])
        fates: list[Fault | None] = [None] * plan.natural
        for place, fault in zip(draft.late, plan.late, strict=True):
            fates[place] = fault
        for place, fault in zip((*draft.bad, *draft.odd), (*plan.bad, *plan.odd), strict=True):
            row = fault.spoil(draft.row(place), self._shop, rng)
            lines[place] = fault.write([row[name] for name in header])
            event_ids[place] = row["event_id"] if row["event_id"].strip() else None
            fates[place] = fault
        return Records(lines, event_ids, fates)

    def _copies(
        self, draft: Draft, plan: FilePlan, header: Sequence[str], records: Records, rng: np.random.Generator
    ) -> list[Copy]:
        """The copies of a file, each behind the row it repeats where that one is in this file."""
        side = {name: draft.columns[name][0] for name in SIDE_NAMES if name in draft.columns}
        earlier = self._earlier_numbers(plan.index) if plan.copies else []
        accepted, made = [*draft.clean, *draft.odd, *draft.late], []
        for fault in plan.copies:
            if fault is COPY_IN_FILE or not earlier:
                made.append(_copy_in_file(accepted, records, rng))
                continue
            place = draft.clean[int(rng.integers(len(draft.clean)))]
            is_own = fault is OTHER_CONTENT and rng.random() < 0.5
            row = (draft.row(place) if is_own else self._earlier_row(earlier, rng)) | side
            row = _other_content(row) if fault is OTHER_CONTENT else row
            after = int(rng.integers(place, plan.natural))
            made.append(Copy(after, csvtext.record([row[name] for name in header]), row["event_id"], fault))
        return made

    def _earlier_numbers(self, index: int) -> list[int]:
        """The regular files among the twenty before, those of this world and with rows to copy only."""
        oldest = max(self._world.first, index - EARLIER_FILES)
        plans = [self._plan(number) for number in range(oldest, index)]
        return [plan.index for plan in plans if plan.regular and plan.natural > len(plan.bad) + len(plan.odd)]

    def _earlier_row(self, numbers: Sequence[int], rng: np.random.Generator) -> Row:
        """An accepted row of one of the given files, which are made again where they are not remembered."""
        number = numbers[int(rng.integers(len(numbers)))]
        kept = self._kept.get(number)
        rows = self._remember(number, self._draft(self._plan(number))) if kept is None else kept
        return rows[int(rng.integers(len(rows)))]


def _copy_in_file(accepted: Sequence[int], records: Records, rng: np.random.Generator) -> Copy:
    place = accepted[int(rng.integers(len(accepted)))]
    after = int(rng.integers(place, len(records.lines)))
    return Copy(after, records.lines[place], records.event_ids[place], COPY_IN_FILE)


def _header(plan: FilePlan, rng: np.random.Generator) -> list[str]:
    columns = list(plan.columns)
    if plan.kind is table.EXTRA_COLUMNS:
        return [*columns, *EXTRA_VALUES]
    if plan.kind is table.REORDERED:
        return [columns[place] for place in rng.permutation(len(columns)).tolist()]
    return columns


def _side_columns(plan: FilePlan, rng: np.random.Generator) -> Columns:
    """The columns that belong to the file rather than to the event."""
    extras = {
        name: [values[pick] for pick in rng.integers(0, len(values), plan.natural).tolist()]
        for name, values in EXTRA_VALUES.items()
        if plan.kind is table.EXTRA_COLUMNS
    }
    return {"schema_version": [str(plan.version)] * plan.natural, **extras}


def _dated_back(event_time: str, fault: Fault, rng: np.random.Generator) -> str:
    low, high = VERY_LATE_MS if fault is VERY_LATE else LATE_MS
    return to_text(to_ms(datetime.fromisoformat(event_time)) - int(rng.integers(low, high)))


def _other_content(row: Row) -> Row:
    """The row with another price, and another quantity where it counts pieces; as valid as before."""
    price = f"{float(row['price']) + 1:.2f}" if row["price"] else "9.99"
    quantity = str(int(row["quantity"]) + 1) if row["event_type"] in COUNTED_TYPES else row["quantity"]
    return row | {"price": price, "quantity": quantity}


def _woven(records: Records, copies: list[Copy]) -> Records:
    """The records with every copy behind its place."""
    made, begin = Records([], [], []), 0
    for copy in sorted(copies, key=lambda copy: copy.after):
        _extend(made, records, begin, copy.after + 1)
        made.lines.append(copy.line)
        made.event_ids.append(copy.event_id)
        made.fates.append(copy.fate)
        begin = copy.after + 1
    _extend(made, records, begin, len(records.lines))
    return made


def _extend(made: Records, records: Records, begin: int, end: int) -> None:
    made.lines.extend(records.lines[begin:end])
    made.event_ids.extend(records.event_ids[begin:end])
    made.fates.extend(records.fates[begin:end])


def file_bytes(kind: Fault | None, header: Sequence[str], lines: Sequence[str]) -> bytes:
    """Header and records as a file, with what is unusual about a file of that kind."""
    end = "\r\n" if kind is table.CRLF else "\n"
    if kind is table.BLANK_LINES:
        lines = [end + line if place % BLANK_EVERY == 0 else line for place, line in enumerate(lines)]
    text = end.join([csvtext.record(header), *lines])
    mark = "\ufeff" if kind is table.BOM else ""
    return csvtext.encoded(mark + text + ("" if kind is table.NO_FINAL_NEWLINE else end))


def _small_file(plan: FilePlan, columns: Columns) -> BuiltFile:
    """One of the small faulty files; all of its rows share its fate."""
    if plan.kind is table.EMPTY_FILE:
        return BuiltFile(plan, b"", [], [])
    columns = {**columns, "schema_version": [str(plan.version)] * plan.rows}
    header, names = _small_header(plan)
    rows = [csvtext.record(cells) for cells in zip(*(columns[name] for name in names), strict=True)]
    event_ids = [None if plan.kind is table.STRANGE else event_id for event_id in columns["event_id"]]
    return BuiltFile(plan, file_bytes(plan.kind, header, rows), event_ids, [plan.kind] * plan.rows)


def _small_header(plan: FilePlan) -> tuple[list[str], list[str]]:
    """What a small file's header says, and the fields that stand under it."""
    columns = list(plan.columns)
    if plan.kind is table.DUPLICATE_HEADER:
        columns.append(table.DOUBLED_COLUMN)
    elif plan.kind is table.DROPPED:
        columns.remove(table.DROPPED_COLUMN)
    elif plan.kind is table.STRANGE:
        return list(table.STRANGE_HEADER), ["event_id", "event_type", "event_time", "price"]
    return columns, columns
