"""A table partitioned by day, to which rows are only appended."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.table import Table

if TYPE_CHECKING:
    from spark_jobs.storage.parts import Part

SCHEMA = pa.schema([("row_id", pa.string()), ("n", pa.int64()), ("at", TIMESTAMP), ("day", pa.date32())])


NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)


FIRST, SECOND = date(2026, 1, 29), date(2026, 1, 30)


def table_at(root: Path, **changes: Any) -> Table:
    """Return a table of rows by day."""
    return dataclasses.replace(Table("ops/x", str(root / "x"), SCHEMA, ("day",), ("n", "at", "row_id")), **changes)


def rows(*days: date | None, at: datetime | None = NOON) -> pa.Table:
    """Return a row for each day."""
    return pa.Table.from_pylist(
        [{"row_id": f"r{n}", "n": n, "at": at, "day": day} for n, day in enumerate(days)], schema=SCHEMA
    )


def seen(path: str) -> list[tuple[str, date | None]]:
    """Return the ids and days that delta-rs reads."""
    table = DeltaTable(path).to_pyarrow_table()
    return sorted(zip(table["row_id"].to_pylist(), table["day"].to_pylist(), strict=True))


def footer(table: Table, part: Part) -> pq.FileMetaData:
    """Return a part's footer."""
    return pq.read_metadata(Path(table.path) / part.path)
