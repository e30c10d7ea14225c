"""CSV as text: each file by its own header, each cell exactly as it stands, in Arrow columns.

pyarrow parses whole blocks; where its count of records is not ours, the block is halved until the culprit stands alone.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from spark_jobs.landing.chunks import Chunk, UnreadRow, slices
from spark_jobs.landing.csv_records import RecordBlock, has_open_quote, piece_of_line, split_records
from spark_jobs.landing.limits import DEFAULTS, SLICE_BYTES, SLICE_ROWS
from spark_jobs.landing.line_blocks import line_blocks
from spark_jobs.landing.open_file import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from spark_jobs.landing.limits import Limits, Reason

#: Cells of a slice at most, and rows of one of rows unread.
SLICE_CELLS = 2**20
UNREAD_ROWS = 16_384


def read_csv(blocks: Iterable[bytes], known: Sequence[str], limits: Limits = DEFAULTS) -> Iterator[Chunk]:
    """The rows of one CSV file. Fields in ``known`` become columns, all others the ``rest`` map.

    Blank lines are no rows. An empty file or one with a header alone yields none. Nothing a file can hold raises.
    """
    header: _Header | None = None
    position = 0
    for part in _splits(blocks, limits):
        if header is None:
            if part.count == 0:
                continue
            part, header = _take_header(part, limits)
        yield from _all_unread(part, position, header) if header.reasons else _read(part, position, header, known)
        position += part.count


@dataclass(frozen=True, slots=True)
class _Header:
    """The column names of a file, or why they cannot be used."""

    names: list[str]
    reasons: tuple[Reason, ...]


def _splits(blocks: Iterable[bytes], limits: Limits) -> Iterator[RecordBlock]:
    held = b""
    for lines, is_torn in line_blocks(blocks, limits):
        if is_torn:
            if held:
                yield split_records(held, last=True)
            held = b""
            yield piece_of_line(lines, limits.line_bytes)
            continue
        part = split_records(held + lines, last=False)
        held = part.rest
        if part.count:
            yield part
    if held:
        yield split_records(held, last=True)


def _take_header(part: RecordBlock, limits: Limits) -> tuple[RecordBlock, _Header]:
    """Take the first record off a block and read it as the header; one that cannot be read stays, as a row unread."""
    broken = next((refused for refused in part.refused if refused.ordinal == 0), None)
    if broken is not None:
        code = broken.code if broken.field else "unreadable"
        return part, _Header([], ((code, broken.field, f"the header cannot be read: {broken.detail}"),))
    names, reasons = _header_names(part.data[part.starts[0] : part.ends[0]], limits)
    if not names:
        return part, _Header([], reasons)
    below = replace(
        part,
        starts=part.starts[1:],
        ends=part.ends[1:],
        ordinals=part.ordinals[1:] - 1,
        refused=tuple(replace(refused, ordinal=refused.ordinal - 1) for refused in part.refused),
        count=part.count - 1,
    )
    return below, _Header(names, reasons)


def _header_names(record: bytes, limits: Limits) -> tuple[list[str], tuple[Reason, ...]]:
    """The names and what is wrong with them; no names where the header, too, is kept as a row."""
    if (beyond := limits.check_header(record)) is not None:
        return [], (beyond,)
    text = record.decode("utf-8").rstrip("\r\n")
    if "\r" in text or "\n" in text:
        return [], (("unreadable", None, "the header holds a line end"),)
    try:
        names = next(csv.reader([text]), [""])
    except csv.Error as error:
        return [], (("unreadable", None, f"the header cannot be read: {error}"),)
    if (beyond := limits.check_names(names)) is not None:
        return [], (beyond,)
    twice = [name for name, count in Counter(names).items() if count > 1]
    return names, tuple(("duplicate_header", name, f"the header names '{name}' more than once") for name in twice)


def _all_unread(part: RecordBlock, position: int, header: _Header) -> Iterator[Chunk]:
    """The block's records, all refused for their header; some at a time, as each repeats the header's reasons."""
    raws = [(int(o), int(s), int(e)) for o, s, e in zip(part.ordinals, part.starts, part.ends, strict=True)]
    ordered = sorted([*raws, *((refused.ordinal, -1, place) for place, refused in enumerate(part.refused))])
    for some in slices(ordered, UNREAD_ROWS):
        raw = ((o, part.refused[e].raw if s < 0 else part.data[s:e]) for o, s, e in some)
        yield Chunk(
            unread=tuple(UnreadRow(position + ordinal + 1, header.reasons, _line(data)) for ordinal, data in raw)
        )


def _read(part: RecordBlock, position: int, header: _Header, known: Sequence[str]) -> Iterator[Chunk]:
    """The block's rows, and those refused; some at a time, as each row repeats the names that no contract knows."""
    for some in slices(part.refused, UNREAD_ROWS):
        whys: list[Reason] = [(refused.code, refused.field, refused.detail) for refused in some]
        aside = zip(some, whys, strict=True)
        yield Chunk(unread=tuple(UnreadRow(position + one.ordinal + 1, (why,), _line(one.raw)) for one, why in aside))
    unknown = sum(len(name.encode()) for name in header.names if name not in known)
    step = max(1, min(SLICE_ROWS, SLICE_CELLS // len(header.names), SLICE_BYTES // (unknown + 1)))
    for at in range(0, len(part.ordinals), step):
        yield _parse(part, np.arange(at, min(at + step, len(part.ordinals))), position, header, known)


def _parse(part: RecordBlock, places: NDArray[np.int64], position: int, header: _Header, known: Sequence[str]) -> Chunk:
    unread: list[UnreadRow] = []
    tables: list[pa.Table] = []
    kept: list[NDArray[np.int64]] = []
    for table, read, odd in _parsed(part, places, header.names):
        tables.append(table)
        kept.append(part.ordinals[read])
        unread += [
            UnreadRow(position + int(part.ordinals[p]) + 1, (why,), _line(part.data[part.starts[p] : part.ends[p]]))
            for p, why in odd
        ]
    positions = np.concatenate(kept) + position + 1
    table = pa.concat_tables(tables).combine_chunks()
    if table.num_rows == 0:
        return Chunk(unread=tuple(unread))
    arrays = dict(zip(header.names, (_flat(column) for column in table.columns), strict=True))
    columns = {name: array for name, array in arrays.items() if name in known}
    return Chunk(positions, columns, _rest(arrays, known), tuple(unread))


def _parsed(
    part: RecordBlock, places: NDArray[np.int64], names: Sequence[str]
) -> Iterator[tuple[pa.Table, NDArray[np.int64], list[tuple[int, Reason]]]]:
    """Parse the records at ``places``; where pyarrow counts others than we do, halve them until one stands alone."""
    if not len(places):
        return
    outcome = _try_parse(_bytes(part, places), names, len(places))
    if outcome is not None:
        table, odd = outcome
        keep = np.ones(len(places), bool)
        keep[[number for number, _ in odd]] = False
        found: list[tuple[int, Reason]] = [
            (int(places[number]), ("column_count", None, f"{cells} cells under a header of {len(names)}"))
            for number, cells in odd
        ]
        yield table, places[keep], found
    elif len(places) == 1:
        raw = part.data[part.starts[places[0]] : part.ends[places[0]]]
        detail = "a quote is opened and never closed" if has_open_quote(raw) else "the record cannot be parsed as CSV"
        why: Reason = ("unreadable", None, detail)
        yield _empty(names), places[:0], [(int(places[0]), why)]
    else:
        half = len(places) // 2
        yield from _parsed(part, places[:half], names)
        yield from _parsed(part, places[half:], names)


def _try_parse(data: bytes, names: Sequence[str], expected: int) -> tuple[pa.Table, list[tuple[int, int]]] | None:
    """The rows, and (number from 0, cells) of those with another count of cells; None where they are others."""
    odd: list[tuple[int, int]] = []

    def note(row: pacsv.InvalidRow) -> str:
        odd.append((-1 if row.number is None else row.number, row.actual_columns))
        return "skip"

    stand_ins = [str(number) for number in range(len(names))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=stand_ins),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=len(names) > 1, invalid_row_handler=note
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(stand_ins, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(odd) != expected or (expected == 1 and has_open_quote(data)):
        return None
    return table, [(number - 1, cells) for number, cells in odd]


def _bytes(part: RecordBlock, places: NDArray[np.int64]) -> bytes:
    """The bytes of some records in order; copied only where records were taken out between them."""
    starts, ends = part.starts[places], part.ends[places]
    gaps = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    if not len(gaps):
        return part.data[starts[0] : ends[-1]]
    runs = np.concatenate([[0], gaps, [len(starts)]])
    return b"".join(part.data[starts[a] : ends[b - 1]] for a, b in pairwise(runs))


def _rest(arrays: dict[str, pa.Array], known: Sequence[str]) -> pa.Array | None:
    """One map per row of the fields that no contract knows; None where the header has none."""
    unknown = [name for name in arrays if name not in known]
    if not unknown:
        return None
    rows, width = len(arrays[unknown[0]]), len(unknown)
    interleave = np.arange(rows * width).reshape(width, rows).T.ravel()
    items = pa.concat_arrays([arrays[name] for name in unknown]).take(pa.array(interleave))
    keys = pa.array(unknown).take(pa.array(np.tile(np.arange(width), rows)))
    return pa.MapArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), keys, items)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _empty(names: Sequence[str]) -> pa.Table:
    return pa.table({str(number): pa.array([], pa.string()) for number in range(len(names))})


def _line(raw: bytes) -> str:
    return visible_text(raw.rstrip(b"\r\n"))
