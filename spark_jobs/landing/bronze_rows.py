"""Rows as readers yield them, as rows of Bronze: with their ids, their origin, and the reasons of those that could not be read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.landing.chunks import Chunk, UnreadRow
from spark_jobs.landing.limits import SLICE_BYTES, SLICE_ROWS
from spark_jobs.schemas import REASON, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spark_jobs.landing.landed_file import FileToLand
    from spark_jobs.landing.limits import Limits, Reason
    from spark_jobs.storage.table import Table

#: Bytes that a Bronze row takes in memory besides its values and the name of its file.
ROW_BYTES = 256
#: The same of one reason of a row that could not be read.
REASON_BYTES = 64
_MAP = pa.map_(pa.string(), pa.string())


def bronze_rows(
    chunk: Chunk, file: FileToLand, fingerprint: str, table: Table, known: Sequence[str], limits: Limits
) -> Iterator[pa.Table]:
    """Yield the chunk as rows of Bronze, in slices that are small whatever the file is called and however it fails."""
    step = min(SLICE_ROWS, max(1, SLICE_BYTES // (len(file.source.encode()) + ROW_BYTES)))
    for start in range(0, len(chunk.positions), step):
        columns = _read_columns(chunk.part(start, step), file, fingerprint, known)
        yield pa.table(columns, schema=table.data_schema)
    for unread in _unread_slices(chunk.unread, step, limits):
        yield pa.table(_unread_columns(unread, file, fingerprint, known), schema=table.data_schema)


def row_id_prefix(source: str, fingerprint: str) -> str:
    """Return the start of all row ids of one file: a hash of its source and its content.

    With ``-`` and the row's position behind it this is the row id: the same file read twice gives the same ids, the same content
    under another name gives others.
    """
    return hashlib.blake2b(f"{source}\n{fingerprint}".encode(), digest_size=12).hexdigest()


def _unread_slices(unread: Sequence[UnreadRow], step: int, limits: Limits) -> Iterator[list[UnreadRow]]:
    """Yield unread rows some at a time, as each repeats its reasons and keeps its text; the reasons are capped by the limits."""
    last: tuple[Reason, ...] = ()
    capped, some, size = last, list[UnreadRow](), 0
    for row in unread:
        if row.reasons is not last:  # the rows under a bad header share its reasons
            last, capped = row.reasons, limits.capped(row.reasons)
        some.append(UnreadRow(row.position, capped, row.text))
        size += len(row.text) + sum(REASON_BYTES + len(detail) for _, _, detail in capped)
        if len(some) >= step or size >= SLICE_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _read_columns(chunk: Chunk, file: FileToLand, fingerprint: str, known: Sequence[str]) -> Mapping[str, pa.Array]:
    size = len(chunk.positions)
    absent = pa.nulls(size, pa.string())
    return {
        **{name: chunk.columns.get(name, absent) for name in known},
        **_origin_columns(chunk.positions, file, fingerprint),
        "payload_rest": chunk.rest if chunk.rest is not None else pa.nulls(size, _MAP),
        "raw": absent,
        "read_error": pa.nulls(size, pa.list_(REASON)),
    }


def _unread_columns(
    unread: Sequence[UnreadRow], file: FileToLand, fingerprint: str, known: Sequence[str]
) -> Mapping[str, pa.Array]:
    size = len(unread)
    return {
        **{name: pa.nulls(size, pa.string()) for name in known},
        **_origin_columns(np.array([row.position for row in unread], np.int64), file, fingerprint),
        "payload_rest": pa.nulls(size, _MAP),
        "raw": pa.array([row.text for row in unread], pa.string()),
        "read_error": _reasons_column(unread),
    }


def _reasons_column(unread: Sequence[UnreadRow]) -> pa.Array:
    """Return each row's reasons; those that rows share are made once."""
    distinct = {id(row.reasons): row.reasons for row in unread}
    reasons = [
        [{"code": code, "field": field, "detail": detail} for code, field, detail in each] for each in distinct.values()
    ]
    places = {key: place for place, key in enumerate(distinct)}
    return pa.array(reasons, pa.list_(REASON)).take(pa.array([places[id(row.reasons)] for row in unread]))


def _origin_columns(
    positions: np.ndarray[Any, np.dtype[np.int64]], file: FileToLand, fingerprint: str
) -> Mapping[str, pa.Array]:
    size = len(positions)
    numbers = pa.array(positions)
    prefix = row_id_prefix(file.source, fingerprint)
    return {
        "row_id": pc.binary_join_element_wise(pa.scalar(prefix), numbers.cast(pa.string()), "-"),
        "source": pa.repeat(file.source, size),
        "source_position": numbers,
        "source_time": pa.repeat(pa.scalar(file.modified_ms * 1000, TIMESTAMP), size),
        "source_fingerprint": pa.repeat(fingerprint, size),
        "ingested_at": pa.repeat(pa.scalar(file.ingested_at, TIMESTAMP), size),
    }
