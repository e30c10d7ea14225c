"""Lines of CSV that belong together because a quoted value holds a line end, and quotes that are never closed.

The work is vectorised over the block; Python looks only at lines whose quotes do not pair up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container

    from numpy.typing import NDArray

#: Bytes after which a quoted value is taken for one whose closing quote is missing.
LONGEST_QUOTED = 1024 * 1024
NEWLINE, RETURN, QUOTE, COMMA = 10, 13, 34, 44


@dataclass(slots=True)
class QuotedLines:
    """Lines, by number, that continue the record before them; that open a quote for good; and one whose end is not here yet."""

    continuing: set[int] = field(default_factory=set)
    never_closed: set[int] = field(default_factory=set)
    unfinished: int | None = None


def match_quotes(
    data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], skipped: Container[int], *, last: bool
) -> QuotedLines:
    """Find the lines of ``data`` (``starts`` and ``ends``: their byte ranges) that a quoted value joins.

    ``skipped``: lines that are not looked at. A value that is still open at the end makes its line unfinished, and no later line
    is looked at; unless these are the last lines, or the value is longer than LONGEST_QUOTED: then it is never closed.
    """
    found, done, search = QuotedLines(), -1, _ClosingQuoteSearch(data, starts, ends)
    for suspect in _suspicious_lines(data, starts, ends):
        line = int(suspect)
        if line <= done or line in skipped or not has_open_quote(data[starts[line] : ends[line]]):
            continue
        close = search.closing_line(line)
        if close is not None:
            found.continuing.update(range(line + 1, close + 1))
            done = close
        elif not last and len(data) - int(starts[line]) < LONGEST_QUOTED:
            found.unfinished = line
            break
        else:
            found.never_closed.add(line)
    return found


def _suspicious_lines(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the lines that may end within a quoted value.

    All others have quotes in pairs, the first of each where a value begins or right behind a quote, the second where one ends or
    right before a quote.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(array == QUOTE)
    line = np.searchsorted(ends, quotes, side="right")
    per_line = np.bincount(line, minlength=len(ends))
    opens = (np.arange(len(quotes)) - (np.cumsum(per_line) - per_line)[line]) % 2 == 0
    before = np.where(quotes == starts[line], COMMA, array[quotes - 1])
    behind = array[np.minimum(quotes + 1, len(array) - 1)]
    behind[quotes == len(array) - 1] = NEWLINE
    neighbour = np.where(opens, before, behind)
    ends_value = ~opens & ((neighbour == NEWLINE) | (neighbour == RETURN))
    regular = (neighbour == COMMA) | (neighbour == QUOTE) | ends_value
    suspicious = per_line % 2 == 1
    suspicious[line[~regular]] = True
    return np.flatnonzero(suspicious)


_OPENING = re.compile(rb'(?:^|,)"')


def has_open_quote(record: bytes) -> bool:
    """True if a quoted value is still open at the record's end, by RFC 4180 (a quote opens only at a value's start)."""
    return _is_open_at(record, 0, len(record))


def _is_open_at(data: bytes, start: int, end: int) -> bool:
    """True if a quoted value is open at ``end``, seen from ``start``, which lies in none."""
    while opening := _OPENING.search(data, start, end):
        behind = _behind_closing_quote(data, opening.end(), end)
        if behind is None:
            return True
        start = behind
    return False


def _behind_closing_quote(data: bytes, start: int, end: int) -> int | None:
    """Return the place behind the closing quote of a value that is open at ``start``; None where there is none before ``end``."""
    while True:
        start = data.find(b'"', start, end)
        if start < 0:
            return None
        if data[start + 1 : start + 2] != b'"':
            return start + 1
        start += 2


@dataclass(slots=True)
class _ClosingQuoteSearch:
    """Searches for the line that closes a quoted value. A search that meets the path of the last one goes on from its end.

    Without that a file of open quotes would be searched from every line again. ``_path``: first lines of values that the last
    search passed; ``_at``: the byte that it came to; ``_failed``: nothing on that path closes properly.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    _path: set[int] = field(default_factory=set)
    _at: int = 0
    _failed: bool = False

    def closing_line(self, line: int) -> int | None:
        """Return the line on which the value left open by ``line`` is properly closed, its quote before a comma or line end.

        None where there is none. A line that closes one value and leaves another open is passed.
        """
        limit = min(len(self.data), int(self.starts[line]) + LONGEST_QUOTED)
        if line + 1 not in self._path:
            self._path, self._at, self._failed = {line + 1}, int(self.ends[line]), False
        while not self._failed:
            behind = _behind_closing_quote(self.data, self._at, limit)
            if behind is None:
                self._at = max(self._at, limit)
                return None
            if self.data[behind : behind + 1] not in (b",", b"\n", b"\r", b""):
                self._failed = True
                return None
            close = int(np.searchsorted(self.ends, behind - 1, side="right"))
            if not _is_open_at(self.data, behind, int(self.ends[close])):
                return close
            self._path.add(close + 1)
            self._at = int(self.ends[close])
        return None
