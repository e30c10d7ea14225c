"""``Fault``, one named way in which a row or a file is not ordinary, and functions that make the common sorts of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from generator import csvtext

Row = dict[str, str]
Reason = tuple[str, str | None]
Cell = str | Callable[[str], str]
LineWriter = Callable[[Sequence[str]], str]

ALL_VERSIONS = (1, 2, 3)
EAST = timezone(timedelta(hours=1))


class Outcome(StrEnum):
    """The expected outcome of a row in the lake."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DEAD_LETTER = "dead_letter"


class Kind(StrEnum):
    """The place of a fault: one row, a copy of a row, or a whole file."""

    ROW = "row"
    COPY = "copy"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One named way in which a row or a file is not ordinary, and what the lake must make of its rows.

    ``cells`` are the values put in, as texts or as functions of the value before. ``on`` limits a row fault to one
    kind of row: of events, the event type that the row is turned into first, with a known user unless ``anonymous``;
    of changes, the op of the ordinary change that the fault is derived from. ``write`` puts the cells on the line.
    """

    name: str
    doc: str
    kind: Kind = Kind.ROW
    outcome: Outcome = Outcome.DEAD_LETTER
    reasons: tuple[Reason, ...] = ()
    versions: tuple[int, ...] = ALL_VERSIONS
    cells: Mapping[str, Cell] = field(default_factory=dict)
    on: str = ""
    anonymous: bool = False
    write: LineWriter = csvtext.record

    def fits_version(self, version: int, *, names_version: bool) -> bool:
        """Return True if a file of this version, with or without a schema_version column, can hold this fault."""
        return version in self.versions and (names_version or "schema_version" not in self.cells)


def bad_row(
    name: str,
    doc: str,
    *reasons: Reason,
    cells: Mapping[str, Cell] | None = None,
    on: str = "",
    versions: tuple[int, ...] = ALL_VERSIONS,
    anonymous: bool = False,
) -> Fault:
    """Return the fault of a row that is refused for these reasons."""
    return Fault(name=name, doc=doc, reasons=reasons, cells=cells or {}, on=on, versions=versions, anonymous=anonymous)


def bad_lines(on: str = "") -> tuple[Fault, ...]:
    """Return the faults of lines that are no records: one reason each, nothing else is judged."""
    return tuple(
        Fault(name=name, doc=doc, reasons=((code, None),), write=write, on=on)
        for name, code, write, doc in (
            ("row_too_short", "column_count", csvtext.one_short, "a value fewer than the header has names"),
            ("row_too_long", "column_count", csvtext.one_long, "a value more than the header has names"),
            ("broken_encoding", "encoding", csvtext.broken_bytes, "bytes that are no UTF-8"),
            ("unclosed_quote", "unreadable", csvtext.unclosed, "a quote never closed: costs its own line, no other"),
        )
    )


def bad_times(column: str, *, prefix: str, on: str = "") -> tuple[Fault, ...]:
    """Return the faults of a required time; their names begin with the prefix."""
    values: tuple[tuple[str, str, Cell, str], ...] = (
        ("missing", "missing", "", "no time"),
        ("bad_type", "date_only", lambda text: text[:10], "a date without a time"),
        ("bad_type", "hour_24", lambda text: f"{text[:11]}24:00:00Z", "24 o'clock"),
        ("bad_type", "epoch", "1767607872", "seconds since 1970"),
        ("bad_type", "words", "yesterday", "a word for a time"),
        ("too_old", "too_old", "1999-12-31T23:59:59.999Z", "a time before 2000"),
        ("future", "future", lambda text: f"2099-01-01{text[10:]}", "a time in 2099"),
    )
    return tuple(
        bad_row(f"{prefix}_{name}", doc, (code, column), cells={column: cell}, on=on)
        for code, name, cell, doc in values
    )


def odd_row(
    name: str,
    doc: str,
    cells: Mapping[str, Cell] | None = None,
    *,
    on: str = "",
    versions: tuple[int, ...] = ALL_VERSIONS,
    write: LineWriter = csvtext.record,
) -> Fault:
    """Return the fault of a row that looks wrong and is accepted all the same."""
    return Fault(name=name, doc=doc, outcome=Outcome.ACCEPTED, cells=cells or {}, on=on, versions=versions, write=write)


def odd_times(column: str) -> tuple[Fault, ...]:
    """Return the unusual spellings of a time that events and changes share."""
    return (
        odd_row("time_with_space", "a space for the T", {column: lambda text: text.replace("T", " ")}),
        odd_row("time_east", "a zone of +01:00", {column: _in_east}),
        odd_row("time_without_zone", "no zone: UTC", {column: lambda text: text[:-1]}),
    )


def copied_row(name: str, doc: str) -> Fault:
    """Return the fault of a row that repeats an earlier one and is a duplicate."""
    return Fault(name=name, doc=doc, kind=Kind.COPY, outcome=Outcome.DUPLICATE)


def whole_file(name: str, doc: str, *reasons: Reason) -> Fault:
    """Return the fault of a whole file; its rows are refused if it has reasons, else accepted."""
    outcome = Outcome.DEAD_LETTER if reasons else Outcome.ACCEPTED
    return Fault(name=name, doc=doc, kind=Kind.FILE, outcome=outcome, reasons=reasons)


def padded(text: str) -> str:
    """Return the text with a space on both sides; an empty text stays empty."""
    return f" {text} " if text else text


def shuffled(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return the faults in an order that mixes their families and is the same everywhere."""
    return tuple(sorted(faults, key=lambda fault: zlib.crc32(fault.name.encode())))


def _in_east(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(EAST).isoformat(timespec="milliseconds")


COPY_IN_FILE = copied_row("copy_in_file", "the same row again, further down in the same file")
COPY_OF_EARLIER_FILE = copied_row(
    "copy_of_earlier_file", "a row of one of the twenty files before, in this file's columns"
)
