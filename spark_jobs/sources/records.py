"""Splitting CSV bytes into records, so that one broken record costs itself and not its neighbours.

A record is a line, or several where a quoted value holds line ends. The work is vectorised over the block; Python looks
only at lines whose quotes do not pair up or whose bytes are no UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A quoted value longer than this is taken for one whose closing quote is missing.
LONGEST_QUOTED = 1024 * 1024
NEWLINE, QUOTE, RETURN = 10, 34, 13


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that could not be read: its number within the split, why, and its bytes."""

    ordinal: int
    code: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Split:
    """Records of one block: where those lie that can be parsed, those that cannot, and the unfinished rest.

    ``starts``/``ends`` are byte ranges in ``data``, line end included; ``ordinals`` are the records' numbers from 0.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    refused: tuple[Refused, ...]
    count: int
    rest: bytes


@dataclass(slots=True)
class _Marks:
    """What is found out line by line: which lines continue a record, and which are refused."""

    continues: set[int] = field(default_factory=set)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    cut: int | None = None


def split(data: bytes, *, last: bool) -> Split:
    """Split a block into records. What follows the last line end is handed back as ``rest``, unless this is the last block."""
    if not last:
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) < 4 * LONGEST_QUOTED:
            return _split(b"", data)
        if end == 0:
            return _split(data, b"")
        whole, rest = data[:end], data[end:]
    else:
        whole, rest = data, b""
    return _split(whole, rest, last=last)


def _split(whole: bytes, rest: bytes, *, last: bool = True) -> Split:
    starts, ends = _lines(whole)
    marks = _Marks()
    if not whole.isascii():
        _mark_encoding(whole, starts, ends, marks)
    if b'"' in whole:
        _mark_quotes(whole, starts, ends, marks, last=last)
    if marks.cut is not None:
        cut = int(starts[marks.cut])
        whole, rest = whole[:cut], whole[cut:] + rest
        starts, ends = starts[: marks.cut], ends[: marks.cut]
        marks.refused = {line: why for line, why in marks.refused.items() if line < marks.cut}
    return _assemble(whole, starts, ends, marks, rest)


def _lines(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not data:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE).astype(np.int64) + 1
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1]]), ends


def _mark_encoding(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks) -> None:
    at = 0
    while at < len(data):
        try:
            data[at:].decode("utf-8") if at else data.decode("utf-8")
            return
        except UnicodeDecodeError as error:
            line = int(np.searchsorted(ends, at + error.start, side="right"))
            byte = data[at + error.start]
            column = at + error.start - int(starts[line]) + 1
            marks.refused[line] = ("encoding", f"byte 0x{byte:02X} at {column} is no UTF-8")
            at = int(ends[line])


def _mark_quotes(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks, *, last: bool
) -> None:
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == QUOTE)
    per_line = np.bincount(np.searchsorted(ends, quotes, side="right"), minlength=len(ends))
    done = -1
    for odd in np.flatnonzero(per_line % 2):
        line = int(odd)
        if line <= done or line in marks.refused:
            continue
        if not ends_open(data[starts[line] : ends[line]]):
            continue
        close = _closing_line(data, starts, ends, line)
        if close is not None:
            marks.continues.update(range(line + 1, close + 1))
            done = close
        elif not last and len(data) - int(starts[line]) < LONGEST_QUOTED:
            marks.cut = line
            return
        else:
            marks.refused[line] = ("unreadable", "a quote is opened and never closed")


_OPENING = re.compile(rb'(?:^|,)"')


def ends_open(record: bytes) -> bool:
    """Whether a quoted value is still open at the record's end, by RFC 4180 (a quote opens only at a value's start)."""
    at = 0
    while opening := _OPENING.search(record, at):
        closed = _close(record, opening.end())
        if closed is None:
            return True
        at = closed
        if at < len(record) and record[at] not in (44, NEWLINE, RETURN):
            next_comma = record.find(b",", at)
            if next_comma < 0:
                return False
            at = next_comma
    return False


def _close(record: bytes, at: int) -> int | None:
    """The place behind the closing quote of a value that was opened before ``at``; None where there is none."""
    while True:
        at = record.find(b'"', at)
        if at < 0:
            return None
        if record[at + 1 : at + 2] != b'"':
            return at + 1
        at += 2


def _closing_line(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], line: int) -> int | None:
    """The line on which the value left open by ``line`` is properly closed: its quote stands before a comma or line end."""
    limit = min(len(data), int(starts[line]) + LONGEST_QUOTED)
    at = int(ends[line])
    while True:
        at = data.find(b'"', at, limit)
        if at < 0:
            return None
        following = data[at + 1 : at + 2]
        if following == b'"':
            at += 2
            continue
        if following not in (b",", b"\n", b"\r", b""):
            return None
        close = int(np.searchsorted(ends, at, side="right"))
        record = data[starts[line] : ends[close]]
        if not ends_open(record):
            return close
        at = int(ends[close])


def _assemble(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], marks: _Marks, rest: bytes
) -> Split:
    """Join continued lines, number the records (blank lines are none) and set the refused ones aside."""
    widths = ends - starts
    array = np.frombuffer(data, np.uint8)
    first = array[starts] if len(starts) else np.empty(0, np.uint8)
    blank = ((widths == 1) & (first == NEWLINE)) | ((widths == 2) & (first == RETURN) & (_at(array, starts + 1) == NEWLINE))
    if last_return := (len(starts) > 0 and widths[-1] == 1 and first[-1] == RETURN):
        blank[-1] = last_return
    begins = ~blank
    continued = np.fromiter((i for i in marks.continues if i < len(starts)), np.int64)
    begins[continued] = False
    blank[continued] = False
    lines = np.flatnonzero(begins)
    record_ends = ends[_last_lines(lines, continued)] if len(lines) else ends[:0]
    ordinals = np.arange(len(lines), dtype=np.int64)
    refused = []
    keep = np.ones(len(lines), bool)
    for line, (code, detail) in sorted(marks.refused.items()):
        place = int(np.searchsorted(lines, line, side="right")) - 1
        if place < 0 or not keep[place]:
            continue
        keep[place] = False
        refused.append(Refused(place, code, detail, data[starts[lines[place]] : record_ends[place]]))
    return Split(data, starts[lines][keep], record_ends[keep], ordinals[keep], tuple(refused), len(lines), rest)


def _last_lines(lines: NDArray[np.int64], continued: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each record's first line, its last one: the first line plus the continuing lines right behind it."""
    if not len(continued):
        return lines
    owner = np.searchsorted(lines, continued, side="right") - 1
    last = lines.copy()
    np.maximum.at(last, owner, continued)
    return last


def _at(array: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    return array[np.minimum(places, len(array) - 1)] if len(array) else np.zeros(len(places), np.uint8)
