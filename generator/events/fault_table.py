"""The table of all faults of events: what is planted, and exactly what the lake must make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.events.bad_rows import BAD_ROWS
from generator.events.odd_rows import COPIES, LATE_ROWS, ODD_ROWS
from generator.faults import ALL_VERSIONS, shuffled
from generator.file_faults import EMPTY_FILE, HEADER_ONLY, ODD_FILES, UNKNOWN_HEADER, column_dropped, duplicate_header

if TYPE_CHECKING:
    from generator.faults import Fault

DROPPED_COLUMN = "category"
DOUBLED_COLUMN = "price"
UNKNOWN_COLUMNS = ("id", "kind", "happened_at", "payload")

DUPLICATE_HEADER, DROPPED = duplicate_header(DOUBLED_COLUMN), column_dropped(DROPPED_COLUMN)
SMALL_FILES = (EMPTY_FILE, DUPLICATE_HEADER, HEADER_ONLY, DROPPED, UNKNOWN_HEADER)

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*BAD_ROWS, *ODD_ROWS, *LATE_ROWS, *COPIES, *SMALL_FILES, *ODD_FILES)
}


def _by_layout(faults: tuple[Fault, ...]) -> dict[tuple[int, bool], tuple[Fault, ...]]:
    mixed = shuffled(faults)
    layouts = [(version, names_version) for version in ALL_VERSIONS for names_version in (False, True)]
    return {
        (version, names_version): tuple(
            fault for fault in mixed if fault.fits_version(version, names_version=names_version)
        )
        for version, names_version in layouts
    }


# The faults of single rows that files of one layout (version, whether it has a schema_version column) hold in rotation.
BAD_BY_LAYOUT = _by_layout(BAD_ROWS)
ODD_BY_LAYOUT = _by_layout(ODD_ROWS)
