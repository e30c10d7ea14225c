"""Read rows of tables that are only appended to: files are chosen by the log's bounds before any is opened.

``partition`` names values of partition columns, as for ``add_actions.live_adds``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.add_actions import bound, file_paths, live_adds, live_paths
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


def dataset(table: Table, paths: Sequence[str]) -> pads.Dataset:
    """Return the Parquet files of a table at these paths, with its data columns."""
    return pads.dataset(list(paths), schema=table.data_schema, format="parquet")


def read_parts(table: Table, parts: Sequence[Part], columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a table's parts, its data columns or these, from their files, whether a commit names them or not."""
    wanted = list(columns or table.data_schema.names)
    paths = [str(Path(table.path) / part.path) for part in parts if part.table == table.name]
    return dataset(table, paths).to_table(wanted) if paths else table.data_schema.empty_table().select(wanted)


def read_partition(table: Table, partition: Mapping[str, str]) -> pa.Table:
    """Read all columns of the rows with these values; for small tables. No table, no rows."""
    handle = open_table(table.path)
    if handle is None:
        return table.schema.empty_table()
    typed = {
        column: pa.scalar(value).cast(table.schema.field(column).type).as_py() for column, value in partition.items()
    }
    return handle.to_pyarrow_table(filters=[(column, "=", value) for column, value in typed.items()])


def rows_where(table: Table, column: str, value: str) -> pa.Table:
    """Read the data columns of the rows with a value, where that is rare: the other columns are read only where it occurs."""
    paths = live_paths(table)
    return (
        dataset(table, paths).to_table(filter=pc.field(column) == value) if paths else table.data_schema.empty_table()
    )


def rows_where_in(
    table: Table,
    column: str,
    values: pa.Array,
    columns: Sequence[str],
    *,
    partition: Mapping[str, str],
    where: pc.Expression | None = None,
) -> pa.Table:
    """Read these columns of the rows with one of the values, of files whose bounds can hold one; ``where`` narrows them more."""
    paths = _paths_between(table, column, values, partition) if len(values) else []
    if not paths:
        return pa.schema([table.data_schema.field(name) for name in columns]).empty_table()
    wanted = pc.field(column).isin(values)
    return dataset(table, paths).to_table(list(columns), filter=wanted if where is None else wanted & where)


def _paths_between(table: Table, column: str, values: pa.Array, partition: Mapping[str, str]) -> list[str]:
    """Return the files whose bounds of the column reach between the least and the greatest of the values."""
    adds, low, high = live_adds(table, partition), pc.min(values).as_py(), pc.max(values).as_py()
    if not adds.num_rows:
        return []
    lows, highs = bound(adds, f"min.{column}"), bound(adds, f"max.{column}")
    inside = pc.and_(pc.less_equal(lows, high), pc.greater_equal(highs, low))
    return file_paths(table, adds.filter(pc.coalesce(inside, True)))


def latest_time(table: Table, column: str, partition: Mapping[str, str]) -> datetime | None:
    """Return the greatest value of a time column, exactly; None where there is none.

    The log has bounds to the millisecond, rounded up here and down by others, so files within one of the greatest are read, and
    files of which it has none.
    """
    adds = live_adds(table, partition)
    bounds = bound(adds, f"max.{column}").cast(TIMESTAMP).cast(pa.int64())
    near = pc.greater_equal(bounds, pc.subtract(pc.max(bounds), 1000))
    paths = file_paths(table, adds.filter(pc.or_(pc.coalesce(near, False), _unbounded(adds, column, bounds))))
    return pc.max(dataset(table, paths).to_table([column])[column]).as_py() if paths else None


def _unbounded(adds: pa.Table, column: str, bounds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return, for each file, whether it may hold values that the log has no bound of; a file of nulls alone does not."""
    nulls = bound(adds, f"null_count.{column}").cast(pa.int64())
    only_nulls = pc.coalesce(pc.equal(nulls, bound(adds, "num_records").cast(pa.int64())), False)
    return pc.and_(pc.is_null(bounds), pc.invert(only_nulls))
