"""Faults of whole files that events and changes share, and the text of such a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator import csvtext
from generator.faults import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.faults import Fault

EMPTY_FILE = whole_file("empty_file", "a file of no bytes: no rows")
HEADER_ONLY = whole_file("header_only", "a header and nothing below it: no rows")
UNKNOWN_HEADER = whole_file("strange_header", "a header of no version", ("unknown_version", "schema_version"))

REORDERED = whole_file("reordered", "the columns in another order")
EXTRA_COLUMNS = whole_file("extra_columns", "columns that no contract knows: kept in extras")
BOM = whole_file("byte_order_mark", "a byte order mark before the header")
CRLF = whole_file("crlf", "lines that end in carriage return and line feed")
BLANK_LINES = whole_file("blank_lines", "blank lines between the rows: no rows")
NO_FINAL_NEWLINE = whole_file("no_final_newline", "no line end after the last row")
ODD_FILES = (REORDERED, EXTRA_COLUMNS, BOM, CRLF, BLANK_LINES, NO_FINAL_NEWLINE)

EXTRA_VALUES = {"loyalty_tier": ("bronze", "silver", "gold", ""), "ab_bucket": ("a", "b")}
BLANK_EVERY = 7


def duplicate_header(column: str) -> Fault:
    """Return the fault of a file whose header has this column twice."""
    return whole_file("duplicate_header", "a name twice in the header", ("duplicate_header", column))


def column_dropped(column: str) -> Fault:
    """Return the fault of a file that lacks this required column."""
    return whole_file("column_dropped", "a required column is not in the header", ("missing", column))


def file_bytes(kind: Fault | None, header: Sequence[str], lines: Sequence[str]) -> bytes:
    """Return header and records as a file, with what is unusual about a file of that kind."""
    end = "\r\n" if kind is CRLF else "\n"
    if kind is BLANK_LINES:
        lines = [end + line if place % BLANK_EVERY == 0 else line for place, line in enumerate(lines)]
    text = end.join([csvtext.record(header), *lines])
    mark = "\ufeff" if kind is BOM else ""
    return csvtext.encoded(mark + text + ("" if kind is NO_FINAL_NEWLINE else end))
