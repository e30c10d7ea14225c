"""The table of all faults: what is planted, and exactly what the lake must make of it."""

from __future__ import annotations

from generator.bad_rows import BAD_ROWS
from generator.faults import Fault, Kind, Outcome, Reason, shuffled
from generator.odd_rows import COPIES, LATE_ROWS, ODD_ROWS

DROPPED_COLUMN = "category"
DOUBLED_COLUMN = "price"
STRANGE_HEADER = ("id", "kind", "happened_at", "payload")


def _file(name: str, doc: str, *reasons: Reason) -> Fault:
    outcome = Outcome.DEAD_LETTER if reasons else Outcome.ACCEPTED
    return Fault(name=name, doc=doc, kind=Kind.FILE, outcome=outcome, reasons=reasons)


EMPTY_FILE = _file("empty_file", "a file of no bytes: no rows")
HEADER_ONLY = _file("header_only", "a header and nothing below it: no rows")
DUPLICATE_HEADER = _file("duplicate_header", "a name twice in the header", ("duplicate_header", DOUBLED_COLUMN))
DROPPED = _file("column_dropped", "version 3 by its own word, without a required column", ("missing", DROPPED_COLUMN))
STRANGE = _file("strange_header", "a header of no version", ("unknown_version", "schema_version"))
SMALL_FILES = (EMPTY_FILE, DUPLICATE_HEADER, HEADER_ONLY, DROPPED, STRANGE)

REORDERED = _file("reordered", "the columns in another order")
EXTRA_COLUMNS = _file("extra_columns", "columns that no contract knows: kept in extras")
BOM = _file("byte_order_mark", "a byte order mark before the header")
CRLF = _file("crlf", "lines that end in carriage return and line feed")
BLANK_LINES = _file("blank_lines", "blank lines between the rows: no rows")
NO_FINAL_NEWLINE = _file("no_final_newline", "no line end after the last row")
ODD_FILES = (REORDERED, EXTRA_COLUMNS, BOM, CRLF, BLANK_LINES, NO_FINAL_NEWLINE)

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*BAD_ROWS, *ODD_ROWS, *LATE_ROWS, *COPIES, *SMALL_FILES, *ODD_FILES)
}


def _by_layout(faults: tuple[Fault, ...]) -> dict[tuple[int, bool], tuple[Fault, ...]]:
    mixed = shuffled(faults)
    layouts = [(version, named) for version in (1, 2, 3) for named in (False, True)]
    return {
        (version, named): tuple(fault for fault in mixed if fault.applies(version, names_version=named))
        for version, named in layouts
    }


# What a file of a version, with or without a schema_version column, takes its turns through.
BAD_TURNS = _by_layout(BAD_ROWS)
ODD_TURNS = _by_layout(ODD_ROWS)
