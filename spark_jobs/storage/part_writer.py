"""Write one Parquet part of a table."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.storage.attempt import new_part_name
from spark_jobs.storage.parts import Part
from spark_jobs.storage.statistics import stats_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spark_jobs.storage.table import Table

#: Text in a row group is bounded too, so that long values do not make it grow without limit.
ROW_GROUP_BYTES = 128 * 1024 * 1024
#: What a slice of a column costs besides its values.
SLICE_BYTES = 1024

#: How Hive, Spark and Delta name the folder of rows without a partition value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


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
        folder = "".join(f"{quote(k)}={_folder_name(v)}/" for k, v in self._partition.items())
        self._relative = f"{folder}part-{new_part_name()}.parquet"
        self._absolute = Path(table.path) / self._relative
        self._footers: list[pq.FileMetaData] = []
        self._buffer: list[pa.Table] = []
        self._buffered_rows = 0
        self._bounds: dict[str, tuple[Any, Any]] = {}
        self._nulls = dict.fromkeys(table.stats, 0)
        self._file: pq.ParquetWriter | None = None
        self._out: pa.NativeFile | None = None

    def write(self, rows: pa.Table) -> None:
        """Write rows that have the table's data columns, in any order; they are cast to its schema."""
        ordered = rows.select(self._schema.names).cast(self._schema)
        self._note_bounds(ordered)
        self._buffer.append(ordered)
        self.rows += ordered.num_rows
        self._buffered_rows += ordered.num_rows
        self.buffered_bytes += ordered.nbytes + SLICE_BYTES * ordered.num_columns
        if self._buffered_rows >= self._table.row_group_rows or self.buffered_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> Part:
        """Finish the file and return its part. The row count is the one that the file's own footer gives."""
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
        """Remove the file. The Parquet writer is not closed: on a full disk that would fail once more."""
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


def _folder_name(value: str | None) -> str:
    return NO_VALUE if value is None else quote(value, safe=" ")
