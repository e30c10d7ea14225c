"""The live files of a table as its log has them, a row each: path, partition, rows, bounds of columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.storage.open_tables import open_snapshot, open_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake import DeltaTable

    from spark_jobs.storage.table import Table


def add_actions(handle: DeltaTable) -> pa.Table:
    """Return the live files of a table at the version of its handle."""
    return pa.table(handle.get_add_actions(flatten=True))


def live_adds(table: Table, partition: Mapping[str, str] | None = None) -> pa.Table:
    """Return the live files of a table as it stands now, all or one partition's; without rows where there is no table.

    ``partition``: values of partition columns, as text. Columns that the table is not partitioned by are passed over.
    """
    handle = open_table(table.path)
    adds = add_actions(handle) if handle is not None else pa.table({"path": pa.array([], pa.string())})
    for column, value in (partition or {}).items():
        if adds.num_rows and column in table.partition_by:
            values = adds[f"partition.{column}"]
            adds = adds.filter(pc.equal(values, pa.scalar(value).cast(values.type)))
    return adds


def bound(adds: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column of ``adds`` such as ``max.price``, null where the log has no such bound: that file may hold anything."""
    return adds[name] if name in adds.column_names else pa.chunked_array([pa.nulls(adds.num_rows, pa.string())])


def file_paths(table: Table, adds: pa.Table) -> list[str]:
    """Return where those files lie."""
    return [str(Path(table.path) / unquote(path)) for path in adds["path"].to_pylist()]


def live_paths(table: Table, partition: Mapping[str, str] | None = None) -> list[str]:
    """Return where the live files of a table lie, all or one partition's."""
    return file_paths(table, live_adds(table, partition))


def count_rows(table: Table, partition: Mapping[str, str] | None = None) -> int:
    """Count the live rows of a table by its log, all or one partition's. Of a table with a key, all."""
    if table.key_columns:
        return _count_without_deleted(table)
    adds = live_adds(table, partition)
    return pc.sum(adds["num_records"]).as_py() or 0 if adds.num_rows else 0


def _count_without_deleted(table: Table) -> int:
    snapshot = open_snapshot(table.path)
    adds = snapshot.files.values() if snapshot is not None else []
    rows = [int(json.loads(add.get("stats") or "{}").get("numRecords") or 0) for add in adds]
    return sum(rows) - sum(int(add.get("deletionVector", {}).get("cardinality", 0)) for add in adds)
