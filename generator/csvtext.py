"""CSV text of records, well-formed and broken on purpose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEEDS_QUOTES = re.compile(r'[",\r\n]')
# A byte that starts no UTF-8 sequence, as a surrogate that the file's encoding turns back into it.
BAD_BYTE = "\udcff"


def cell(text: str) -> str:
    """Return a value as CSV: quoted where it must be, quotes doubled."""
    return quoted(text) if _NEEDS_QUOTES.search(text) else text


def quoted(text: str) -> str:
    """Return a value in quotes, needed or not."""
    return '"' + text.replace('"', '""') + '"'


def record(cells: Sequence[str]) -> str:
    """Return one well-formed record without its line end."""
    return ",".join(map(cell, cells))


def all_quoted(cells: Sequence[str]) -> str:
    """Return a record with every value in quotes."""
    return ",".join(map(quoted, cells))


def one_short(cells: Sequence[str]) -> str:
    """Return a record that lacks its last value."""
    return record(cells[:-1])


def one_long(cells: Sequence[str]) -> str:
    """Return a record with a value more than the header has names."""
    return record([*cells, "surplus"])


def broken_bytes(cells: Sequence[str]) -> str:
    """Return a record with a byte in it that is no UTF-8."""
    return BAD_BYTE.join((record(cells)[:3], record(cells)[3:]))


def unclosed(cells: Sequence[str]) -> str:
    """Return a line whose quote is opened in the middle and never closed.

    A letter follows the quote, as it does in every quoted value this generator writes: the next quote in the file
    can therefore not pass for a proper closing one.
    """
    middle = len(cells) // 2
    return record(cells[:middle]) + ',"cut ' + record(cells[middle:])


def encoded(text: str) -> bytes:
    """Return the file's bytes: UTF-8, with the planted bad bytes as they are."""
    return text.encode("utf-8", "surrogateescape")
