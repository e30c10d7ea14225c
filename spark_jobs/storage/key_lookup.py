"""Look rows of a table up by their keys: few of many, found by the log's bounds, then by the key column alone.

The storage cache keeps key columns of fixed width. Of the other columns only those row groups are read in which a key was found.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.storage.add_actions import add_actions
from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.key_set import KeySet, comparable
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.live_files import LiveFile, read_live, read_rows, read_whole
from spark_jobs.storage.open_tables import open_snapshot, open_table
from spark_jobs.storage.snapshot import DELETION_VECTORS, Snapshot
from spark_jobs.storage.sorted_keys import SortedKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deltalake import DeltaTable

    from spark_jobs.storage.deletion_vectors import RowNumbers
    from spark_jobs.storage.table import Table


def rows_with_keys(table: Table, keys: pa.Array, columns: Sequence[str], by: Sequence[str] | None = None) -> pa.Table:
    """Return the live rows whose key is one of ``keys``, in no order: these columns, typed as the table's schema says.

    ``by`` are the key's columns, the table's own unless given; ``keys`` as :func:`key_array` makes them. A null among
    ``keys`` matches rows without a key. Columns that a file lacks are null. No table, no rows.
    """
    wanted = KeySet.of(keys, table.schema, by or table.key_columns)
    schema = _schema(table, columns)
    found = [schema.empty_table()]
    for file in _files(table, wanted) if len(keys) else ():
        found += read_rows(file, schema, matching_rows(file, wanted))
    return pa.concat_tables(found)


def all_rows(table: Table, columns: Sequence[str]) -> pa.Table:
    """Return all live rows: these columns, typed as the table's schema says. For small tables, and where every row is meant."""
    schema = _schema(table, columns)
    found = [schema.empty_table()]
    for file in _files(table):
        found += read_live(file, schema)
    return pa.concat_tables(found)


def _schema(table: Table, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([table.schema.field(name) for name in columns])


def _files(table: Table, wanted: KeySet | None = None) -> list[LiveFile]:
    """Return the files of a table as it is now that can hold one of the keys, or all; with or without deletion vectors."""
    found = None if table.key_columns else open_table(table.path)
    if found is not None and DELETION_VECTORS not in (found.protocol().reader_features or ()):
        return _appended(table, found, wanted)
    snapshot = open_snapshot(table.path)
    return live_files(snapshot, wanted) if snapshot is not None else []


def _appended(table: Table, found: DeltaTable, wanted: KeySet | None) -> list[LiveFile]:
    adds = add_actions(found)
    name = wanted.by[0] if wanted is not None and len(wanted.by) == 1 else None
    if wanted is not None and f"min.{name}" in adds.column_names and f"max.{name}" in adds.column_names:
        type_ = wanted.schema.field(0).type
        low, high = (adds[f"{bound}.{name}"].combine_chunks().cast(type_) for bound in ("min", "max"))
        adds = adds.filter(pa.array(wanted.within(low, high)))
    values = [adds[f"partition.{name}"].to_pylist() for name in table.partition_by] if adds.num_rows else []
    return [
        LiveFile(
            Path(table.path), path, {name: each[row] for name, each in zip(table.partition_by, values, strict=True)}
        )
        for row, path in enumerate(adds["path"].to_pylist() if adds.num_rows else ())
    ]


def live_files(snapshot: Snapshot, wanted: KeySet | None = None) -> list[LiveFile]:
    """Return the files of a snapshot that can hold one of the keys, or all."""
    snapshot.require(to_write=False)
    adds = list(snapshot.files.values())
    bounds = _bounds(adds, wanted) if wanted is not None and len(wanted.by) == 1 else None
    may_hold = wanted.within(*bounds) if wanted is not None and bounds is not None else [True] * len(adds)
    return [
        LiveFile(Path(snapshot.path), add["path"], add["partitionValues"], add.get("deletionVector"))
        for add, holds in zip(adds, may_hold, strict=True)
        if holds
    ]


def _bounds(adds: Sequence[Mapping[str, Any]], wanted: KeySet) -> tuple[pa.Array, pa.Array] | None:
    """Return the log's least and greatest key of each file; None where they cannot be read as keys."""
    name, type_ = wanted.by[0], wanted.schema.field(0).type
    stats = [json.loads(add.get("stats") or "{}", parse_float=Decimal) for add in adds]
    low, high = ([each.get(bound, {}).get(name) for each in stats] for bound in ("minValues", "maxValues"))
    try:
        return _typed(low, type_), _typed(high, type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return None


def _typed(bounds: Sequence[Any], type_: pa.DataType) -> pa.Array:
    spelled = pa.types.is_temporal(type_)
    return pa.array(bounds, pa.string()).cast(type_) if spelled else pa.array(bounds, type_)


def matching_rows(file: LiveFile, wanted: KeySet) -> RowNumbers:
    """Return the numbers of a file's rows that have one of the keys and are still in the table, ascending."""
    matches = _matches(file, wanted)
    if file.vector is None or not len(matches):
        return matches
    deleted = file.deleted()
    after = np.minimum(np.searchsorted(deleted, matches), len(deleted) - 1)
    return np.asarray(matches[deleted[after] != matches])


def _matches(file: LiveFile, wanted: KeySet) -> RowNumbers:
    """Return the numbers of all rows that have one of the keys, also of those that are no longer in the table."""
    keys = _kept_keys(file, wanted) if len(wanted.by) == 1 else key_array(read_whole(file, wanted.schema), wanted.by)
    if isinstance(keys, SortedKeys):
        return keys.find(wanted.keys)
    return np.asarray(pc.indices_nonzero(pc.is_in(keys, value_set=wanted.keys))).astype(np.int64)


def _kept_keys(file: LiveFile, wanted: KeySet) -> pa.Array | SortedKeys:
    """Return a file's key column: as it is the first time that it is asked for, sorted from the second time on."""
    kept, name = storage_cache().key_columns, f"{file.absolute}:{wanted.by[0]}"
    keys = kept.get(name)
    if keys is None:
        keys = key_array(read_whole(file, wanted.schema), wanted.by)
        if _is_fixed(keys.type):
            kept.put(name, keys, keys.nbytes)
    elif not isinstance(keys, SortedKeys) and comparable(keys) is not None:
        keys = SortedKeys.of(keys)
        kept.put(name, keys, keys.nbytes)
    return keys


def _is_fixed(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_temporal(type_) or pa.types.is_decimal(type_))
