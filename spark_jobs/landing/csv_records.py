"""Splitting CSV bytes into records, so that one broken record costs itself and not its neighbours.

A record is a line, or several where a quoted value holds line ends. The work is vectorised over the block; Python looks
only at lines whose quotes do not pair up or whose bytes are no UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from spark_jobs.landing.limits import too_large_reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A quoted value longer than this is taken for one whose closing quote is missing.
LONGEST_QUOTED = 1024 * 1024
NEWLINE, RETURN, QUOTE, COMMA = 10, 13, 34, 44


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that could not be read: its number within the split, why, and its bytes."""

    ordinal: int
    code: str
    field: str | None
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Records of one block: where those lie that can be parsed, those that cannot, and the unfinished rest.

    ``starts``/``ends`` are byte ranges in ``data``, line end included; ``ordinals`` are the records' numbers from 0.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    refused: tuple[RefusedRecord, ...]
    count: int
    rest: bytes


@dataclass(slots=True)
class _Marks:
    """What is found out line by line: which lines continue a record, and which are refused."""

    continues: set[int] = field(default_factory=set)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    cut: int | None = None


def split_records(data: bytes, *, last: bool) -> RecordBlock:
    """Split whole lines into records. One that is open at the end goes to ``rest``, unless these are the last lines."""
    starts, ends = _lines(data)
    marks = _Marks()
    if not data.isascii():
        _mark_encoding(data, starts, ends, marks)
    if b'"' in data:
        _mark_quotes(data, starts, ends, marks, last=last)
    if marks.cut is None:
        return _assemble(data, starts, ends, marks, b"")
    cut = int(starts[marks.cut])
    marks.refused = {line: why for line, why in marks.refused.items() if line < marks.cut}
    return _assemble(data[:cut], starts[: marks.cut], ends[: marks.cut], marks, data[cut:])


def piece_of_line(piece: bytes, line_bytes: int) -> RecordBlock:
    """A piece of a line that is too long to be held: refused, so that no part of a value passes for a whole one."""
    why = RefusedRecord(
        0, *too_large_reason("line_bytes", f"a piece of a line of more than {line_bytes:,} bytes"), piece
    )
    none = np.empty(0, np.int64)
    return RecordBlock(piece, none, none, none, (why,), 1, b"")


def _lines(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not data:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE).astype(np.int64) + 1
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1]]), ends


def _mark_encoding(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks) -> None:
    """Refuse the lines that are no UTF-8. Halves are looked at until a bad line stands alone, so many cost little."""
    ranges = [(0, len(starts))]
    while ranges:
        low, high = ranges.pop()
        try:
            data[starts[low] : ends[high - 1]].decode("utf-8")
        except UnicodeDecodeError as error:
            if high - low == 1:
                byte = data[starts[low] + error.start]
                marks.refused[low] = ("encoding", f"byte 0x{byte:02X} at {error.start + 1} is no UTF-8")
            else:
                half = (low + high) // 2
                ranges += [(low, half), (half, high)]


def _mark_quotes(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks, *, last: bool) -> None:
    done, trail = -1, _Trail()
    for suspect in _suspects(data, starts, ends):
        line = int(suspect)
        if line <= done or line in marks.refused:
            continue
        if not has_open_quote(data[starts[line] : ends[line]]):
            continue
        close = _closing_line(data, starts, ends, line, trail)
        if close is not None:
            marks.continues.update(range(line + 1, close + 1))
            done = close
        elif not last and len(data) - int(starts[line]) < LONGEST_QUOTED:
            marks.cut = line
            return
        else:
            marks.refused[line] = ("unreadable", "a quote is opened and never closed")


def _suspects(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lines that may end within a quoted value.

    All others have quotes in pairs, the first of each where a value begins or right behind a quote, the second where
    one ends or right before a quote.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(array == QUOTE)
    line = np.searchsorted(ends, quotes, side="right")
    per_line = np.bincount(line, minlength=len(ends))
    opens = (np.arange(len(quotes)) - (np.cumsum(per_line) - per_line)[line]) % 2 == 0
    before = np.where(quotes == starts[line], COMMA, array[quotes - 1])
    behind = array[np.minimum(quotes + 1, len(array) - 1)]
    behind[quotes == len(array) - 1] = NEWLINE
    beside = np.where(opens, before, behind)
    ends_value = ~opens & ((beside == NEWLINE) | (beside == RETURN))
    regular = (beside == COMMA) | (beside == QUOTE) | ends_value
    suspicious = per_line % 2 == 1
    suspicious[line[~regular]] = True
    return np.flatnonzero(suspicious)


_OPENING = re.compile(rb'(?:^|,)"')


def has_open_quote(record: bytes) -> bool:
    """Whether a quoted value is still open at the record's end, by RFC 4180 (a quote opens only at a value's start)."""
    return _open_from(record, 0, len(record))


def _open_from(data: bytes, at: int, end: int) -> bool:
    """The same of ``data`` from a place outside of a quoted value to ``end``."""
    while opening := _OPENING.search(data, at, end):
        closed = _close(data, opening.end(), end)
        if closed is None:
            return True
        at = closed
    return False


def _close(data: bytes, at: int, end: int) -> int | None:
    """The place behind the closing quote of a value opened before ``at``; None where there is none."""
    while True:
        at = data.find(b'"', at, end)
        if at < 0:
            return None
        if data[at + 1 : at + 2] != b'"':
            return at + 1
        at += 2


@dataclass(slots=True)
class _Trail:
    """Where the last search for a closing line came by: a search that meets it goes on from its end.

    Without it a file of open quotes would be searched from every line again.
    """

    entered: set[int] = field(default_factory=set)
    at: int = 0
    hopeless: bool = False


def _closing_line(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], line: int, trail: _Trail
) -> int | None:
    """The line on which the value left open by ``line`` is properly closed, its quote before a comma or line end.

    None where there is none. A line that closes one value and leaves another open is passed.
    """
    limit = min(len(data), int(starts[line]) + LONGEST_QUOTED)
    if line + 1 not in trail.entered:
        trail.entered, trail.at, trail.hopeless = {line + 1}, int(ends[line]), False
    while not trail.hopeless:
        behind = _close(data, trail.at, limit)
        if behind is None:
            trail.at = max(trail.at, limit)
            return None
        if data[behind : behind + 1] not in (b",", b"\n", b"\r", b""):
            trail.hopeless = True
            return None
        close = int(np.searchsorted(ends, behind - 1, side="right"))
        if not _open_from(data, behind, int(ends[close])):
            return close
        trail.entered.add(close + 1)
        trail.at = int(ends[close])
    return None


def _assemble(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks, rest: bytes
) -> RecordBlock:
    """Join continued lines, number the records (blank lines are none) and set the refused ones aside."""
    blank = _blank(data, starts, ends)
    continued = np.fromiter((line for line in marks.continues if line < len(starts)), np.int64)
    begins = ~blank
    begins[continued] = False
    lines = np.flatnonzero(begins)
    starts, record_ends = starts[lines], ends[_last_lines(lines, continued)]
    refused: dict[int, tuple[str, str]] = {}
    for line, why in sorted(marks.refused.items()):
        refused.setdefault(int(np.searchsorted(lines, line, side="right")) - 1, why)
    for place in _returns(data, starts, record_ends):
        refused.setdefault(place, ("unreadable", "a carriage return outside of quotes that ends no line"))
    keep = np.ones(len(lines), bool)
    keep[list(refused)] = False
    aside = [
        RefusedRecord(place, code, None, detail, data[starts[place] : record_ends[place]])
        for place, (code, detail) in sorted(refused.items())
    ]
    ordinals = np.arange(len(lines), dtype=np.int64)
    return RecordBlock(data, starts[keep], record_ends[keep], ordinals[keep], tuple(aside), len(lines), rest)


def _last_lines(lines: NDArray[np.int64], continued: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each record's first line, its last one: the first line plus the continuing lines right behind it."""
    if not len(continued):
        return lines
    owner = np.searchsorted(lines, continued, side="right") - 1
    last = lines.copy()
    np.maximum.at(last, owner, continued)
    return last


def _blank(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which lines hold nothing but their line end; carriage returns before it belong to it."""
    if not len(starts):
        return np.zeros(0, bool)
    first = np.frombuffer(data, np.uint8)[starts]
    blank: NDArray[np.bool_] = first == NEWLINE
    for line in np.flatnonzero(first == RETURN):
        blank[line] = not data[starts[line] : ends[line]].strip(b"\r\n")
    return blank


_QUOTED = re.compile(rb'(?:^|(?<=,))"(?:[^"]|"")*+"')


def _returns(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
    """The records with a carriage return outside of quotes and not at their end: pyarrow would end a row there."""
    if b"\r" not in data:
        return []
    array = np.frombuffer(data, np.uint8)
    followers = array[1:]
    lone = np.flatnonzero((array[:-1] == RETURN) & (followers != NEWLINE) & (followers != RETURN))
    places = np.unique(np.searchsorted(starts, lone, side="right") - 1).tolist()
    return [at for at in places if at >= 0 and b"\r" in _QUOTED.sub(b"", data[starts[at] : ends[at]]).rstrip(b"\r\n")]
