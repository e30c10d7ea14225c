"""Parquet parts of a table: written, counted, and not visible to anyone until they are committed.

A part is a finished Parquet file in a table's folder with what the Delta log must say of it. Written twice (a retried
task, a batch tried again after a crash), the file that is never committed stays invisible and is swept up by VACUUM.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spark_jobs.lake import Table

ROW_GROUP_ROWS = 131_072
#: Text in a row group is bounded too, so that long values do not make it grow without limit.
ROW_GROUP_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: which table, where in it, how many rows its own footer says it has, and its statistics."""

    table: str
    path: str
    size: int
    rows: int
    partition: dict[str, str]
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
    """Writes the rows of one partition of one table into one Parquet file, a row group at a time."""

    def __init__(self, table: Table, partition: Mapping[str, str]) -> None:
        self._table = table
        self._schema = table.data_schema
        self._partition = dict(partition)
        folder = "".join(f"{quote(k)}={quote(v, safe=' ')}/" for k, v in self._partition.items())
        self._relative = f"{folder}part-{uuid.uuid4().hex}.parquet"
        self._absolute = Path(table.path) / self._relative
        self._absolute.parent.mkdir(parents=True, exist_ok=True)
        self._footers: list[pq.FileMetaData] = []
        self._buffer: list[pa.Table] = []
        self._buffered_rows = 0
        self._buffered_bytes = 0
        self._bounds: dict[str, tuple[Any, Any]] = {}
        self._writer = pq.ParquetWriter(
            self._absolute,
            self._schema,
            compression="snappy",
            use_dictionary=[name for name in self._schema.names if name not in table.near_unique],
            write_statistics=list(table.stats) or False,
            store_decimal_as_integer=True,
            metadata_collector=self._footers,
        )

    def write(self, rows: pa.Table) -> None:
        """Take rows that have the table's data columns, in any order; they are cast to its schema."""
        ordered = rows.select(self._schema.names).cast(self._schema)
        self._note_bounds(ordered)
        self._buffer.append(ordered)
        self._buffered_rows += ordered.num_rows
        self._buffered_bytes += ordered.nbytes
        if self._buffered_rows >= ROW_GROUP_ROWS or self._buffered_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> Part:
        """Finish the file. The row count is the one that the file's own footer gives."""
        self._flush()
        self._writer.close()
        rows = self._footers[0].num_rows
        return Part(
            table=self._table.name,
            path=self._relative,
            size=self._absolute.stat().st_size,
            rows=rows,
            partition=self._partition,
            stats=_stats_json(rows, self._bounds),
            modified_ms=int(time.time() * 1000),
        )

    def _flush(self) -> None:
        if self._buffer:
            self._writer.write_table(pa.concat_tables(self._buffer), row_group_size=ROW_GROUP_ROWS)
        self._buffer, self._buffered_rows, self._buffered_bytes = [], 0, 0

    def _note_bounds(self, rows: pa.Table) -> None:
        for name in self._table.stats:
            low_high = pc.min_max(rows[name]).as_py()
            if low_high["min"] is None:
                continue
            low, high = self._bounds.get(name, (low_high["min"], low_high["max"]))
            self._bounds[name] = (min(low, low_high["min"]), max(high, low_high["max"]))


class TableWriter:
    """Writes rows of one table, one part per partition value met."""

    def __init__(self, table: Table, fixed: Mapping[str, str] | None = None) -> None:
        self._table = table
        self._fixed = dict(fixed or {})
        self._free = [name for name in table.partition_by if name not in self._fixed]
        if len(self._free) > 1:
            raise ValueError(f"{table.name}: at most one partition column may vary within a write, got {self._free}")
        self._writers: dict[tuple[str, ...], PartWriter] = {}

    def write(self, rows: pa.Table) -> None:
        """Send rows to the part of their partition."""
        if rows.num_rows == 0:
            return
        if not self._free:
            self._writer(self._fixed).write(rows)
            return
        column = self._free[0]
        for value in pc.unique(rows[column]).to_pylist():
            chosen = rows if len(pc.unique(rows[column])) == 1 else rows.filter(pc.equal(rows[column], value))
            self._writer({**self._fixed, column: _partition_text(value)}).write(chosen)

    def close(self) -> list[Part]:
        """Finish every part; none where no row came."""
        return [writer.close() for writer in self._writers.values()]

    def _writer(self, partition: Mapping[str, str]) -> PartWriter:
        key = tuple(partition[name] for name in self._table.partition_by)
        if key not in self._writers:
            self._writers[key] = PartWriter(self._table, {name: partition[name] for name in self._table.partition_by})
        return self._writers[key]


def write_parts(table: Table, rows: pa.Table, **fixed: str) -> list[Part]:
    """Write one table of rows at once; for small tables such as the books."""
    writer = TableWriter(table, fixed)
    writer.write(rows)
    return writer.close()


def _partition_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _stats_json(rows: int, bounds: Mapping[str, tuple[Any, Any]]) -> str:
    return json.dumps(
        {
            "numRecords": rows,
            "minValues": {name: _stat(low) for name, (low, _) in bounds.items()},
            "maxValues": {name: _stat(high, up=True) for name, (_, high) in bounds.items()},
        },
        ensure_ascii=False,
    )


def _stat(value: Any, *, up: bool = False) -> Any:
    """A bound as the Delta log spells it; time has milliseconds there, so a maximum is rounded up and never cuts a row."""
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        if up and utc.microsecond % 1000:
            utc += timedelta(milliseconds=1)
        return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"
    return value.isoformat() if isinstance(value, date) else value
