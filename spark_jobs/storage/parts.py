"""Parquet parts of a table: written, counted, and not visible to anyone until they are committed.

A part is a finished Parquet file in a table's folder with what the Delta log must say of it. Written twice (a retried
task, a batch tried again after a crash), the file that is never committed stays invisible and is swept up by VACUUM.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.storage.attempt import new_name
from spark_jobs.storage.statistics import stats_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spark_jobs.storage.table import Table

#: Text in a row group is bounded too, so that long values do not make it grow without limit.
ROW_GROUP_BYTES = 128 * 1024 * 1024
#: A part that has this many rows is finished and another one begun, so that readers take a huge file piece by piece.
PART_ROWS = 1_000_000
#: A batch can hold years, a part a day: beyond this much that is not yet written, the largest parts are finished.
OPEN_BYTES = 256 * 1024 * 1024
#: What a slice of a column costs besides its values.
SLICE_BYTES = 1024
#: How Hive, Spark and Delta name the folder of rows without a partition value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: which table, where in it, how many rows its own footer says it has, and its statistics."""

    table: str
    path: str
    size: int
    rows: int
    partition: dict[str, str | None]
    stats: str
    modified_ms: int

    def to_json(self) -> dict[str, Any]:
        """A plain form that survives the trip from a worker or a ledger file."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Part:
        """The part that :meth:`to_json` described."""
        return cls(**plain)


class PartWriter:
    """Writes the rows of one partition of one table into one Parquet file, a row group at a time.

    The file is opened with its first row group: thousands of small parts need no thousands of file handles.
    """

    def __init__(self, table: Table, partition: Mapping[str, str | None]) -> None:
        self.rows = 0
        self.buffered_bytes = 0
        self._table = table
        self._schema = table.data_schema
        self._partition = dict(partition)
        folder = "".join(f"{quote(k)}={_folder(v)}/" for k, v in self._partition.items())
        self._relative = f"{folder}part-{new_name()}.parquet"
        self._absolute = Path(table.path) / self._relative
        self._footers: list[pq.FileMetaData] = []
        self._buffer: list[pa.Table] = []
        self._buffered_rows = 0
        self._bounds: dict[str, tuple[Any, Any]] = {}
        self._nulls = dict.fromkeys(table.stats, 0)
        self._file: pq.ParquetWriter | None = None
        self._out: pa.NativeFile | None = None

    def write(self, rows: pa.Table) -> None:
        """Take rows that have the table's data columns, in any order; they are cast to its schema."""
        ordered = rows.select(self._schema.names).cast(self._schema)
        self._note_bounds(ordered)
        self._buffer.append(ordered)
        self.rows += ordered.num_rows
        self._buffered_rows += ordered.num_rows
        self.buffered_bytes += ordered.nbytes + SLICE_BYTES * ordered.num_columns
        if self._buffered_rows >= self._table.row_group_rows or self.buffered_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> Part:
        """Finish the file. The row count is the one that the file's own footer gives."""
        self._flush()
        self._opened().close()
        assert self._out is not None
        self._out.close()
        rows = self._footers[0].num_rows
        return Part(
            table=self._table.name,
            path=self._relative,
            size=self._absolute.stat().st_size,
            rows=rows,
            partition=self._partition,
            stats=stats_json(rows, self._bounds, self._nulls),
            modified_ms=int(time.time() * 1000),
        )

    def discard(self) -> None:
        """Remove what was written. The writer's own end is left out: on a full disk it would fail once more."""
        if self._file is not None:
            self._file.is_open = False
        if self._out is not None:
            with suppress(OSError):
                self._out.close()
        self._absolute.unlink(missing_ok=True)

    def _opened(self) -> pq.ParquetWriter:
        if self._file is None:
            self._absolute.parent.mkdir(parents=True, exist_ok=True)
            self._out = pa.OSFile(str(self._absolute), "wb")
            self._file = pq.ParquetWriter(
                self._out,
                self._schema,
                compression="snappy",
                use_dictionary=[name for name in self._schema.names if name not in self._table.near_unique],
                write_statistics=list(self._table.stats) or False,
                store_decimal_as_integer=True,
                metadata_collector=self._footers,
            )
        return self._file

    def _flush(self) -> None:
        if self._buffer:
            self._opened().write_table(pa.concat_tables(self._buffer), row_group_size=self._table.row_group_rows)
        self._buffer, self._buffered_rows, self.buffered_bytes = [], 0, 0

    def _note_bounds(self, rows: pa.Table) -> None:
        for name in self._table.stats:
            self._nulls[name] += rows[name].null_count
            found = pc.min_max(rows[name]).as_py()
            if found["min"] is None:
                continue
            low, high = self._bounds.get(name, (found["min"], found["max"]))
            self._bounds[name] = (min(low, found["min"]), max(high, found["max"]))


class TableWriter:
    """Writes rows of one table, one open part per partition value met; a full part is followed by another.

    Where writing fails, as on a full disk, all its parts are removed.
    """

    def __init__(self, table: Table, fixed: Mapping[str, str] | None = None) -> None:
        self._table = table
        self._fixed = dict(fixed or {})
        self._free = [name for name in table.partition_by if name not in self._fixed]
        if len(self._free) > 1:
            raise ValueError(f"{table.name}: at most one partition column may vary within a write, got {self._free}")
        self._open: dict[str | None, PartWriter] = {}
        self._done: list[Part] = []
        self._buffered = 0

    def write(self, rows: pa.Table) -> None:
        """Send rows to the part of their partition."""
        if rows.num_rows:
            with self._or_nothing():
                self._send(rows)

    def _send(self, rows: pa.Table) -> None:
        if not self._free:
            self._write(None, rows)
            return
        for value, same in _by_value(rows, self._free[0]):
            self._write(value, same)

    def close(self) -> list[Part]:
        """Finish every part; none where no row came."""
        with self._or_nothing():
            for value in list(self._open):
                self._finish(value)
        return self._done

    @contextmanager
    def _or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            for writer in self._open.values():
                writer.discard()
            for part in self._done:
                (Path(self._table.path) / part.path).unlink(missing_ok=True)
            raise

    def _write(self, value: str | None, rows: pa.Table) -> None:
        if value not in self._open:
            self._open[value] = self._begin(value)
        writer = self._open[value]
        self._buffered -= writer.buffered_bytes
        writer.write(rows)
        self._buffered += writer.buffered_bytes
        if writer.rows >= PART_ROWS:
            self._finish(value)
        while self._buffered > OPEN_BYTES:
            self._finish(max(self._open, key=lambda each: self._open[each].buffered_bytes))

    def _begin(self, value: str | None) -> PartWriter:
        values = {**self._fixed, **dict.fromkeys(self._free, value)}
        return PartWriter(self._table, {name: values[name] for name in self._table.partition_by})

    def _finish(self, value: str | None) -> None:
        writer = self._open[value]
        self._buffered -= writer.buffered_bytes
        self._done.append(writer.close())
        del self._open[value]


def write_parts(table: Table, rows: pa.Table, **fixed: str) -> list[Part]:
    """Write one table of rows at once; for small tables such as the books."""
    writer = TableWriter(table, fixed)
    writer.write(rows)
    return writer.close()


def _by_value(rows: pa.Table, name: str) -> Iterator[tuple[str | None, pa.Table]]:
    """The rows of each value of a column in their order, values as they are met: sorted once, not searched for each value.

    Each is a copy of its own: a slice would keep all rows in memory for as long as the smallest part is open.
    """
    encoded = rows[name].combine_chunks().dictionary_encode(null_encoding="encode")
    values = [_partition_text(value) for value in encoded.dictionary.to_pylist()]
    if len(values) == 1:
        yield values[0], rows
        return
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(values)))
    for value, same in zip(values, np.split(order, ends[:-1]), strict=True):
        yield value, rows.take(pa.array(same))


def _partition_text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


def _folder(value: str | None) -> str:
    return NO_VALUE if value is None else quote(value, safe=" ")
