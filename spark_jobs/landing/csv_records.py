"""Split CSV bytes into records, so that one broken record costs itself and not its neighbours.

A record is a line, or several where a quoted value holds line ends (``csv_quotes``). The work is vectorised over the block;
Python looks only at lines whose quotes do not pair up or whose bytes are no UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spark_jobs.landing.csv_quotes import NEWLINE, RETURN, QuotedLines, match_quotes
from spark_jobs.landing.limits import too_large_reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Reasons (code, detail) why lines or records cannot be read, by their number.
ReasonsByNumber = dict[int, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that could not be read: its number within the block, why, and its bytes."""

    ordinal: int
    code: str
    field: str | None
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Records of one block: where those lie that can be parsed, those that cannot, and the unfinished rest.

    ``starts``/``ends`` are byte ranges in ``data``, line end included; ``ordinals`` are the records' numbers from 0. ``count``: of
    all records, the refused ones too.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    refused: tuple[RefusedRecord, ...]
    count: int
    rest: bytes

    def without_first(self) -> RecordBlock:
        """Return the block without its first record, which must be one that can be parsed."""
        return replace(
            self,
            starts=self.starts[1:],
            ends=self.ends[1:],
            ordinals=self.ordinals[1:] - 1,
            refused=tuple(replace(refused, ordinal=refused.ordinal - 1) for refused in self.refused),
            count=self.count - 1,
        )


def split_records(data: bytes, *, last: bool) -> RecordBlock:
    """Split whole lines into records. One that is open at the end goes to ``rest``, unless these are the last lines."""
    starts, ends = _lines(data)
    refused = {} if data.isascii() else _undecodable_lines(data, starts, ends)
    quoted = match_quotes(data, starts, ends, refused, last=last) if b'"' in data else QuotedLines()
    refused |= dict.fromkeys(quoted.never_closed, ("unreadable", "a quote is opened and never closed"))
    end = quoted.unfinished
    if end is None:
        return _assemble(data, starts, ends, quoted.continuing, refused, b"")
    cut = int(starts[end])
    refused = {line: why for line, why in refused.items() if line < end}
    return _assemble(data[:cut], starts[:end], ends[:end], quoted.continuing, refused, data[cut:])


def piece_of_line(piece: bytes, line_bytes: int) -> RecordBlock:
    """Return a piece of a line that is too long to be held, as refused, so that no part of a value passes for a whole one."""
    reason = too_large_reason("line_bytes", f"a piece of a line of more than {line_bytes:,} bytes")
    none = np.empty(0, np.int64)
    return RecordBlock(piece, none, none, none, (RefusedRecord(0, *reason, piece),), 1, b"")


def _lines(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where lines begin and end, line end included; the last one may lack it."""
    if not data:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE).astype(np.int64) + 1
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1]]), ends


def _undecodable_lines(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> ReasonsByNumber:
    """Return the lines that are no UTF-8. Halves are looked at until a bad line stands alone, so many good ones cost little."""
    refused: ReasonsByNumber = {}
    ranges = [(0, len(starts))]
    while ranges:
        low, high = ranges.pop()
        try:
            data[starts[low] : ends[high - 1]].decode("utf-8")
        except UnicodeDecodeError as error:
            if high - low == 1:
                byte = data[starts[low] + error.start]
                refused[low] = ("encoding", f"byte 0x{byte:02X} at {error.start + 1} is no UTF-8")
            else:
                half = (low + high) // 2
                ranges += [(low, half), (half, high)]
    return refused


def _assemble(
    data: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    continuing: set[int],
    refused_lines: ReasonsByNumber,
    rest: bytes,
) -> RecordBlock:
    """Join lines that continue a record, number the records (blank lines are none) and take the refused ones out."""
    continued = np.fromiter((line for line in continuing if line < len(starts)), np.int64)
    begins = ~_blank_lines(data, starts, ends)
    begins[continued] = False
    first_lines = np.flatnonzero(begins)
    starts, ends = starts[first_lines], ends[_last_lines(first_lines, continued)]
    reasons = _refused_records(data, starts, ends, first_lines, refused_lines)
    keep = np.ones(len(first_lines), bool)
    keep[list(reasons)] = False
    refused = [
        RefusedRecord(place, code, None, detail, data[starts[place] : ends[place]])
        for place, (code, detail) in sorted(reasons.items())
    ]
    ordinals = np.arange(len(first_lines), dtype=np.int64)
    return RecordBlock(data, starts[keep], ends[keep], ordinals[keep], tuple(refused), len(first_lines), rest)


def _refused_records(
    data: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first_lines: NDArray[np.int64],
    refused_lines: ReasonsByNumber,
) -> ReasonsByNumber:
    """Return why records cannot be read, by their number: the first of their refused lines, or a stray carriage return."""
    found: ReasonsByNumber = {}
    for line, why in sorted(refused_lines.items()):
        found.setdefault(int(np.searchsorted(first_lines, line, side="right")) - 1, why)
    for place in _with_stray_return(data, starts, ends):
        found.setdefault(place, ("unreadable", "a carriage return outside of quotes that ends no line"))
    return found


def _last_lines(first_lines: NDArray[np.int64], continued: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each record's first line its last one: the first line plus the continuing lines right behind it."""
    if not len(continued):
        return first_lines
    owner = np.searchsorted(first_lines, continued, side="right") - 1
    last = first_lines.copy()
    np.maximum.at(last, owner, continued)
    return last


def _blank_lines(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for the lines that hold nothing but their line end; carriage returns before it belong to it."""
    if not len(starts):
        return np.zeros(0, bool)
    first = np.frombuffer(data, np.uint8)[starts]
    blank: NDArray[np.bool_] = first == NEWLINE
    for line in np.flatnonzero(first == RETURN):
        blank[line] = not data[starts[line] : ends[line]].strip(b"\r\n")
    return blank


_QUOTED = re.compile(rb'(?:^|(?<=,))"(?:[^"]|"")*+"')


def _with_stray_return(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
    """Return the records with a carriage return outside of quotes and not at their end: pyarrow would end a row there."""
    if b"\r" not in data:
        return []
    array = np.frombuffer(data, np.uint8)
    followers = array[1:]
    lone = np.flatnonzero((array[:-1] == RETURN) & (followers != NEWLINE) & (followers != RETURN))
    places = np.unique(np.searchsorted(starts, lone, side="right") - 1).tolist()
    return [at for at in places if at >= 0 and b"\r" in _QUOTED.sub(b"", data[starts[at] : ends[at]]).rstrip(b"\r\n")]
