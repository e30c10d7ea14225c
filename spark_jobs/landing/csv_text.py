"""CSV as text: each file by its own header, each cell exactly as it stands, in Arrow columns."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from spark_jobs.landing.chunks import Chunk, UnreadRow, slices
from spark_jobs.landing.csv_parse import parse_records
from spark_jobs.landing.csv_records import piece_of_line, split_records
from spark_jobs.landing.limits import DEFAULTS, SLICE_BYTES, SLICE_ROWS
from spark_jobs.landing.line_blocks import line_blocks
from spark_jobs.landing.open_file import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from spark_jobs.landing.csv_records import RecordBlock
    from spark_jobs.landing.limits import Limits, Reason

#: Cells of a chunk at most, and rows of a chunk of rows that could not be read.
CHUNK_CELLS = 2**20
UNREAD_ROWS = 16_384


def read_csv(blocks: Iterable[bytes], known: Sequence[str], limits: Limits = DEFAULTS) -> Iterator[Chunk]:
    """Yield the rows of one CSV file. Fields in ``known`` become columns, all others the ``rest`` map.

    Blank lines are no rows. An empty file or one with a header alone yields none. Nothing that a file can hold raises.
    """
    header: _Header | None = None
    position = 0
    for block in _record_blocks(blocks, limits):
        if header is None:
            if block.count == 0:
                continue
            block, header = _take_header(block, limits)
        yield from _all_unread(block, position, header) if header.reasons else _rows(block, position, header, known)
        position += block.count


@dataclass(frozen=True, slots=True)
class _Header:
    """The column names of a file, or the reasons why they cannot be used."""

    names: list[str]
    reasons: tuple[Reason, ...]


def _record_blocks(blocks: Iterable[bytes], limits: Limits) -> Iterator[RecordBlock]:
    unfinished = b""
    for lines, is_piece in line_blocks(blocks, limits):
        if is_piece:
            if unfinished:
                yield split_records(unfinished, last=True)
            unfinished = b""
            yield piece_of_line(lines, limits.line_bytes)
            continue
        block = split_records(unfinished + lines, last=False)
        unfinished = block.rest
        if block.count:
            yield block
    if unfinished:
        yield split_records(unfinished, last=True)


def _take_header(block: RecordBlock, limits: Limits) -> tuple[RecordBlock, _Header]:
    """Take the first record off a block and read it as the header; one that cannot be read stays, as a row that is not read."""
    broken = next((refused for refused in block.refused if refused.ordinal == 0), None)
    if broken is not None:
        code = broken.code if broken.field else "unreadable"
        return block, _Header([], ((code, broken.field, f"the header cannot be read: {broken.detail}"),))
    names, reasons = _header_names(block.data[block.starts[0] : block.ends[0]], limits)
    return (block.without_first() if names else block), _Header(names, reasons)


def _header_names(record: bytes, limits: Limits) -> tuple[list[str], tuple[Reason, ...]]:
    """Return the names and what is wrong with them; no names where the header, too, is kept as a row."""
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
    repeated = [name for name, count in Counter(names).items() if count > 1]
    return names, tuple(("duplicate_header", name, f"the header names '{name}' more than once") for name in repeated)


def _all_unread(block: RecordBlock, position: int, header: _Header) -> Iterator[Chunk]:
    """Yield the block's records, all refused for their header; some at a time, as each repeats the header's reasons."""
    good = [(int(o), int(s), int(e)) for o, s, e in zip(block.ordinals, block.starts, block.ends, strict=True)]
    bad = [(refused.ordinal, -1, place) for place, refused in enumerate(block.refused)]
    for some in slices(sorted([*good, *bad]), UNREAD_ROWS):
        records = ((o, block.refused[e].raw if s < 0 else block.data[s:e]) for o, s, e in some)
        yield Chunk(unread=tuple(_unread_row(position, ordinal, header.reasons, raw) for ordinal, raw in records))


def _rows(block: RecordBlock, position: int, header: _Header, known: Sequence[str]) -> Iterator[Chunk]:
    """Yield the block's refused records, then its rows; some at a time, as each row repeats the names that no contract knows."""
    for some in slices(block.refused, UNREAD_ROWS):
        yield Chunk(unread=tuple(_unread_row(position, r.ordinal, ((r.code, r.field, r.detail),), r.raw) for r in some))
    unknown_bytes = sum(len(name.encode()) for name in header.names if name not in known)
    step = max(1, min(SLICE_ROWS, CHUNK_CELLS // len(header.names), SLICE_BYTES // (unknown_bytes + 1)))
    for start in range(0, len(block.ordinals), step):
        places = np.arange(start, min(start + step, len(block.ordinals)))
        yield _chunk(block, places, position, header, known)


def _chunk(
    block: RecordBlock, places: NDArray[np.int64], position: int, header: _Header, known: Sequence[str]
) -> Chunk:
    unread: list[UnreadRow] = []
    tables: list[pa.Table] = []
    ordinals: list[NDArray[np.int64]] = []
    for table, read, refused in parse_records(block, places, header.names):
        tables.append(table)
        ordinals.append(block.ordinals[read])
        unread += [
            _unread_row(position, int(block.ordinals[p]), (reason,), block.data[block.starts[p] : block.ends[p]])
            for p, reason in refused
        ]
    positions = np.concatenate(ordinals) + position + 1
    table = pa.concat_tables(tables).combine_chunks()
    if table.num_rows == 0:
        return Chunk(unread=tuple(unread))
    arrays = dict(zip(header.names, (_one_array(column) for column in table.columns), strict=True))
    columns = {name: array for name, array in arrays.items() if name in known}
    return Chunk(positions, columns, _rest(arrays, known), tuple(unread))


def _rest(arrays: dict[str, pa.Array], known: Sequence[str]) -> pa.Array | None:
    """Return one map per row of the fields that no contract knows; None where the header has none."""
    unknown = [name for name in arrays if name not in known]
    if not unknown:
        return None
    rows, width = len(arrays[unknown[0]]), len(unknown)
    interleave = np.arange(rows * width).reshape(width, rows).T.ravel()
    items = pa.concat_arrays([arrays[name] for name in unknown]).take(pa.array(interleave))
    keys = pa.array(unknown).take(pa.array(np.tile(np.arange(width), rows)))
    return pa.MapArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), keys, items)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _unread_row(position: int, ordinal: int, reasons: tuple[Reason, ...], raw: bytes) -> UnreadRow:
    """Return a record that was not read; ``position`` is that of the last record before its block."""
    return UnreadRow(position + ordinal + 1, reasons, visible_text(raw.rstrip(b"\r\n")))
