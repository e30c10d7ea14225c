"""Read the rows of a table's Parquet files that are still in the table: not those that a deletion vector names.

Files never change, so the storage cache keeps their footers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.deletion_vectors import positions, read_vector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from spark_jobs.storage.deletion_vectors import RowNumbers

NO_ROWS: RowNumbers = np.empty(0, np.int64)

#: Rows of the other columns that are read at once, so that memory stays bounded.
CHUNK_ROWS = 262_144


@dataclass(frozen=True, slots=True)
class LiveFile:
    """One Parquet file of a table: where it is, its partition's values, and the vector of its deleted rows."""

    root: Path
    path: str
    partition: Mapping[str, Any]
    vector: Mapping[str, Any] | None = None

    @property
    def absolute(self) -> Path:
        """Return the file's full path."""
        return self.root / unquote(self.path)

    @property
    def deleted_count(self) -> int:
        """Return how many of its rows are no longer in the table."""
        return int(self.vector["cardinality"]) if self.vector is not None else 0

    def deleted(self) -> RowNumbers:
        """Return the numbers of the rows that are no longer in the table."""
        if self.vector is None:
            return NO_ROWS
        return positions(read_vector(self.root, self.vector))


def read_whole(file: LiveFile, schema: pa.Schema) -> pa.Table:
    """Read these columns of all rows of a file, also of those that are no longer in the table."""
    with _opened(file) as parquet:
        return _conformed(parquet.read(columns=_present(parquet, schema)), parquet.metadata.num_rows, file, schema)


def read_live(file: LiveFile, schema: pa.Schema, but: RowNumbers = NO_ROWS) -> Iterator[pa.Table]:
    """Read the rows of a file that are still in the table, but for those with these numbers, a chunk at a time."""
    live = np.ones(count_rows_in(file), np.bool_)
    live[file.deleted()] = False
    live[but] = False
    yield from read_rows(file, schema, np.flatnonzero(live))


def count_rows_in(file: LiveFile, stats: str | None = None) -> int:
    """Return how many rows a file has, also those that are no longer in the table: by the log's ``stats``, else its footer."""
    logged = json.loads(stats or "{}").get("numRecords")
    if logged is not None:
        return int(logged)
    with _opened(file) as parquet:
        return int(parquet.metadata.num_rows)


def read_rows(file: LiveFile, schema: pa.Schema, wanted: RowNumbers) -> Iterator[pa.Table]:
    """Read the rows of a file with these ascending numbers, a chunk of row groups at a time; groups without any are not read."""
    if not len(wanted):
        return
    with _opened(file) as parquet:
        sizes = np.array([parquet.metadata.row_group(n).num_rows for n in range(parquet.metadata.num_row_groups)])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        hit = np.unique(np.searchsorted(starts, wanted, "right") - 1)
        for groups in _chunks(hit, sizes):
            rows = parquet.read_row_groups(groups.tolist(), columns=_present(parquet, schema))
            count = int(sizes[groups].sum())
            chosen = _within_groups(wanted, groups, starts)
            rows = _conformed(rows, count, file, schema)
            yield rows if len(chosen) == count else rows.take(pa.array(chosen))


def _chunks(groups: RowNumbers, sizes: RowNumbers) -> list[RowNumbers]:
    total = np.cumsum(sizes[groups]) - 1
    return np.split(groups, np.flatnonzero(np.diff(total // CHUNK_ROWS)) + 1)


def _within_groups(wanted: RowNumbers, groups: RowNumbers, starts: RowNumbers) -> RowNumbers:
    """Return the numbers that the wanted rows have when only these row groups are read, one after the other."""
    first = np.searchsorted(wanted, starts[groups], "left")
    last = np.searchsorted(wanted, starts[groups + 1], "left")
    before = np.concatenate([[0], np.cumsum(starts[groups + 1] - starts[groups])[:-1]])
    moved = [
        wanted[a:b] - start + offset for a, b, start, offset in zip(first, last, starts[groups], before, strict=True)
    ]
    return np.concatenate(moved)


def _opened(file: LiveFile) -> pq.ParquetFile:
    """Open a file, with its footer from memory if it was read before. Times of 96 bits, as Spark may write, become microseconds."""
    name = str(file.absolute)
    footers = storage_cache().footers
    footer = footers.get(name)
    parquet = pq.ParquetFile(file.absolute, metadata=footer, coerce_int96_timestamp_unit="us")
    if footer is None:
        footers.put(name, parquet.metadata, parquet.metadata.serialized_size)
    return parquet


def _present(parquet: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    there = set(parquet.schema_arrow.names)
    return [name for name in schema.names if name in there]


def _conformed(rows: pa.Table, count: int, file: LiveFile, schema: pa.Schema) -> pa.Table:
    """Return the schema's columns: from the file, else from its partition, else null."""
    columns = []
    for field in schema:
        if field.name in rows.column_names:
            columns.append(rows[field.name].cast(field.type))
        else:
            value = pa.scalar(file.partition.get(field.name)).cast(field.type)
            columns.append(pa.chunked_array([pa.repeat(value, count)]))
    return pa.Table.from_arrays(columns, schema=schema)
