"""Parse CSV records with pyarrow, whole blocks at once.

Where pyarrow counts other records than were split, the block is halved until the culprit stands alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from spark_jobs.landing.csv_quotes import has_open_quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from spark_jobs.landing.csv_records import RecordBlock
    from spark_jobs.landing.limits import Reason

#: Records by their place in the block, each with the reason why it could not be parsed.
Refused = list[tuple[int, "Reason"]]


def parse_records(
    block: RecordBlock, places: NDArray[np.int64], names: Sequence[str]
) -> Iterator[tuple[pa.Table, NDArray[np.int64], Refused]]:
    """Parse the records at ``places`` of a block under a header of ``names``; every record is in one of the results.

    Each result: a table of text (a column per name, called 0, 1, 2 …, as names may repeat), the places of its rows, and the records
    that could not be parsed.
    """
    if not len(places):
        return
    parsed = _try_parse(_bytes_of(block, places), names, len(places))
    if parsed is not None:
        table, miscounted = parsed
        yield table, *_without_miscounted(places, miscounted, names)
    elif len(places) == 1:
        yield _empty_table(names), places[:0], [(int(places[0]), _reason(block, places[0]))]
    else:
        half = len(places) // 2
        yield from parse_records(block, places[:half], names)
        yield from parse_records(block, places[half:], names)


def _without_miscounted(
    places: NDArray[np.int64], miscounted: Sequence[tuple[int, int]], names: Sequence[str]
) -> tuple[NDArray[np.int64], Refused]:
    """Part the places into those of rows and those of records that have another number of cells than the header."""
    keep = np.ones(len(places), bool)
    keep[[number for number, _ in miscounted]] = False
    refused: Refused = [
        (int(places[number]), ("column_count", None, f"{cells} cells under a header of {len(names)}"))
        for number, cells in miscounted
    ]
    return places[keep], refused


def _reason(block: RecordBlock, place: np.int64) -> Reason:
    raw = block.data[block.starts[place] : block.ends[place]]
    detail = "a quote is opened and never closed" if has_open_quote(raw) else "the record cannot be parsed as CSV"
    return ("unreadable", None, detail)


def _try_parse(data: bytes, names: Sequence[str], expected: int) -> tuple[pa.Table, list[tuple[int, int]]] | None:
    """Return the rows, and (number from 0, cells) of those with another number of cells; None where they are not ``expected``."""
    miscounted: list[tuple[int, int]] = []

    def note(row: pacsv.InvalidRow) -> str:
        miscounted.append((-1 if row.number is None else row.number, row.actual_columns))
        return "skip"

    columns = [str(number) for number in range(len(names))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=columns),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=len(names) > 1, invalid_row_handler=note
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(miscounted) != expected or (expected == 1 and has_open_quote(data)):
        return None
    return table, [(number - 1, cells) for number, cells in miscounted]


def _bytes_of(block: RecordBlock, places: NDArray[np.int64]) -> bytes:
    """Return the bytes of some records in order; copied only where records were taken out between them."""
    starts, ends = block.starts[places], block.ends[places]
    gaps = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    if not len(gaps):
        return block.data[starts[0] : ends[-1]]
    runs = np.concatenate([[0], gaps, [len(starts)]])
    return b"".join(block.data[starts[a] : ends[b - 1]] for a, b in pairwise(runs))


def _empty_table(names: Sequence[str]) -> pa.Table:
    return pa.table({str(number): pa.array([], pa.string()) for number in range(len(names))})
