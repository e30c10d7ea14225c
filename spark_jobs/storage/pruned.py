"""Read a few rows of a large table: files are chosen by the bounds in the Delta log before any is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from deltalake import DeltaTable

    from spark_jobs.storage.table import Table


def op_rows(changes: Table, op: str) -> pa.Table:
    """The change log's rows of one operation. Reads one short column of all of the log, and the rest where it occurs."""
    paths = paths_of(changes)
    return (
        _dataset(changes, paths).to_table(filter=pc.field("op") == op) if paths else changes.data_schema.empty_table()
    )


def _dataset(table: Table, paths: Sequence[str]) -> pads.Dataset:
    return pads.dataset(list(paths), schema=table.data_schema, format="parquet")


def of_sources(
    table: Table, subject: str, sources: pa.Array, columns: list[str], where: pc.Expression | None = None
) -> pa.Table:
    """Some columns of one subject's rows from some sources, of the files whose bounds can hold them."""
    adds = _adds_of(table, subject)
    empty = pa.schema([table.data_schema.field(name) for name in columns]).empty_table()
    if not adds.num_rows or not len(sources):
        return empty
    low, high = pc.min(sources).as_py(), pc.max(sources).as_py()
    inside = pc.and_(pc.less_equal(bound(adds, "min.source"), high), pc.greater_equal(bound(adds, "max.source"), low))
    paths = file_paths(table, adds.filter(pc.coalesce(inside, True)))
    if not paths:
        return empty
    files = pads.dataset(paths, schema=table.data_schema, format="parquet")
    wanted = pc.field("source").isin(sources)
    return files.to_table(columns, filter=wanted if where is None else wanted & where)


def latest(table: Table, subject: str, column: str) -> datetime | None:
    """The greatest value of a time column among a subject's rows, exactly.

    The log has bounds to the millisecond, rounded up here and down by others, so files within one of the greatest are read, and
    files of which it has none.
    """
    adds = _adds_of(table, subject)
    bounds = bound(adds, f"max.{column}").cast(TIMESTAMP).cast(pa.int64())
    near = pc.greater_equal(bounds, pc.subtract(pc.max(bounds), 1000))
    chosen = pc.or_(pc.coalesce(near, False), _unbounded(adds, column, bounds))
    paths = file_paths(table, adds.filter(chosen))
    if not paths:
        return None
    rows = pads.dataset(paths, schema=table.data_schema, format="parquet").to_table([column])
    return pc.max(rows[column]).as_py()  # type: ignore[no-any-return]


def _unbounded(adds: pa.Table, column: str, bounds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which files may hold values that the log has no bound of; not those that hold nulls alone."""
    nulls = bound(adds, f"null_count.{column}").cast(pa.int64())
    only_nulls = pc.coalesce(pc.equal(nulls, bound(adds, "num_records").cast(pa.int64())), False)
    return pc.and_(pc.is_null(bounds), pc.invert(only_nulls))


def holds_any(table: Table, subject: str) -> bool:
    """Whether a table has files with a subject's rows."""
    return bool(_adds_of(table, subject).num_rows)


def _adds_of(table: Table, subject: str) -> pa.Table:
    """The files with a subject's rows: of its own tables all, of those that subjects share its partition's."""
    found = open_table(table.path)
    adds = add_actions(found) if found is not None else pa.table({"path": pa.array([], pa.string())})
    if not adds.num_rows or "subject" not in table.partition_by:
        return adds
    return adds.filter(pc.equal(adds["partition.subject"], subject))


def add_actions(table: DeltaTable) -> pa.Table:
    """Return the live files of a table as its log has them, a row each: path, partition, rows, bounds."""
    return pa.table(table.get_add_actions(flatten=True))


def bound(adds: pa.Table, name: str) -> pa.ChunkedArray:
    """A bound of each file, null where the log has none: such a file may hold anything."""
    return adds[name] if name in adds.column_names else pa.chunked_array([pa.nulls(adds.num_rows, pa.string())])


def paths_of(table: Table) -> list[str]:
    """The files of a table as it stands; none where it is not there yet."""
    found = open_table(table.path)
    adds = add_actions(found) if found is not None else pa.table({})
    return file_paths(table, adds) if adds.num_rows else []


def file_paths(table: Table, adds: pa.Table) -> list[str]:
    """Return where those files lie (``adds`` as :func:`add_actions` gives them)."""
    return [str(Path(table.path) / unquote(path)) for path in adds["path"].to_pylist()]
