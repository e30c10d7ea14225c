"""The rows that a table holds of some keys: few of many, found by the log's bounds, then by the key column alone.

A key column of fixed width that was read once is kept in memory (see ``live_files``). Of the other columns only those row groups
are read in which a key was found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.commit import open_snapshot, open_table
from spark_jobs.storage.live_files import KEPT, LiveFile, read_live, read_rows, read_whole
from spark_jobs.storage.log import DELETION_VECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from deltalake import DeltaTable

    from spark_jobs.storage.log import Snapshot
    from spark_jobs.storage.table import Table

    Positions = npt.NDArray[np.int64]

#: The log may cut a time to the millisecond.
MILLISECOND = 1000
SIGN = np.uint64(1 << 63)


def key_array(rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.Array:
    """The key of each row: the column itself, or, of several, the text that ``transforms.types.key_text`` makes of them."""
    found = rows[columns[0]] if len(columns) == 1 else key_text(rows, columns)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def key_text(rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.Array:
    """The same text as ``transforms.types.key_text`` makes of the same values; a part that is null is left out."""
    return _joined([_text(rows[name], rows.schema.field(name).type) for name in columns], pa.scalar)


def key_expression(schema: pa.Schema, columns: Sequence[str]) -> pc.Expression:
    """What :func:`key_text` makes of rows of that schema, for a scan."""
    return _joined([_text(pc.field(name), schema.field(name).type) for name in columns], pc.scalar)


def _joined(parts: list[Any], constant: Callable[[str], Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    nothing = reduce(pc.and_kleene, [pc.is_null(part) for part in parts])
    parts[0] = pc.if_else(nothing, constant(""), parts[0])  # or Arrow, told to skip nulls, skips the whole row
    escaped = [pc.replace_substring(pc.replace_substring(part, "\\", "\\\\"), "|", "\\|") for part in parts]
    return pc.binary_join_element_wise(*escaped, constant("|"), null_handling="skip")


def _text(column: Any, type_: pa.DataType) -> Any:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(type_) else column).cast(pa.string())


def rows_of(table: Table, keys: pa.Array, columns: Sequence[str], by: Sequence[str] | None = None) -> pa.Table:
    """The live rows whose key is one of ``keys``, in no order: these columns, typed as the table's schema says.

    ``by`` are the key's columns, the table's own unless given; ``keys`` as :func:`key_array` makes them. A null among
    ``keys`` matches rows without a key. Columns that a file lacks are null. No table, no rows.
    """
    wanted = Wanted.of(keys, table.schema, by or table.key_columns)
    schema = _schema(table, columns)
    found = [schema.empty_table()]
    for file in _files(table, wanted) if len(keys) else ():
        found += read_rows(file, schema, live_hits(file, wanted))
    return pa.concat_tables(found)


def all_rows(table: Table, columns: Sequence[str]) -> pa.Table:
    """All live rows: these columns, typed as the table's schema says. For small tables, and where every row is meant."""
    schema = _schema(table, columns)
    found = [schema.empty_table()]
    for file in _files(table):
        found += read_live(file, schema)
    return pa.concat_tables(found)


def _schema(table: Table, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([table.schema.field(name) for name in columns])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys that are looked for, each once, in the type of the columns ``by``, which ``schema`` describes."""

    keys: pa.Array
    by: tuple[str, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, keys: pa.Array, schema: pa.Schema, by: Sequence[str]) -> Wanted:
        """The keys as :func:`key_array` makes them of the columns ``by``."""
        fields = pa.schema([schema.field(name) for name in by])
        return cls(pc.unique(keys.cast(fields[0].type if len(by) == 1 else pa.string())), tuple(by), fields)

    def within(self, low: pa.Array, high: pa.Array) -> npt.NDArray[np.bool_]:
        """For files with these bounds of the key: whether any of the keys can be in there."""
        keys, lows, highs = (_comparable(pc.drop_null(self.keys)), _comparable(low), _comparable(high))
        if self.keys.null_count or keys is None or lows is None or highs is None:
            return np.ones(len(low), np.bool_)
        keys = np.sort(keys)
        slack = MILLISECOND if pa.types.is_timestamp(high.type) else 0
        held = np.searchsorted(keys, highs + slack if slack else highs, "right") > np.searchsorted(keys, lows, "left")
        return held | _unknown(low) | _unknown(high)


def _comparable(values: pa.Array) -> npt.NDArray[Any] | None:
    """Values in a form that numpy orders as Delta does, nulls as anything; None where there is none."""
    type_ = values.type
    if pa.types.is_string(type_):
        return np.asarray(pc.fill_null(values, "").to_numpy(zero_copy_only=False))
    if pa.types.is_decimal128(type_):
        return _in_order_of_bytes(values)
    if pa.types.is_date32(type_):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(type_):
        values = values.cast(TIMESTAMP)
    elif not pa.types.is_signed_integer(type_):
        return None
    return np.asarray(pc.fill_null(values.cast(pa.int64()), 0).to_numpy())


def _in_order_of_bytes(values: pa.Array) -> npt.NDArray[Any]:
    """Decimals of one type as 16 bytes that are ordered as their numbers are: the greatest byte first, the sign turned round."""
    held = values.buffers()[1]
    if not len(values) or held is None:
        return np.zeros(len(values), "S16")
    halves = np.frombuffer(held, "<u8")[2 * values.offset : 2 * (values.offset + len(values))].reshape(-1, 2)
    ordered = np.empty(halves.shape, ">u8")
    ordered[:, 0], ordered[:, 1] = halves[:, 1] ^ SIGN, halves[:, 0]
    return ordered.view("S16").ravel()


def _unknown(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False))


def _files(table: Table, wanted: Wanted | None = None) -> list[LiveFile]:
    """The files of a table as it is now, with or without deletion vectors, that can hold what is wanted."""
    found = None if table.key_columns else open_table(table.path)
    if found is not None and DELETION_VECTORS not in (found.protocol().reader_features or ()):
        return _appended(table, found, wanted)
    snapshot = open_snapshot(table.path)
    return live_files(snapshot, wanted) if snapshot is not None else []


def _appended(table: Table, found: DeltaTable, wanted: Wanted | None) -> list[LiveFile]:
    adds = pa.table(found.get_add_actions(flatten=True))
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


def live_files(snapshot: Snapshot, wanted: Wanted | None = None) -> list[LiveFile]:
    """The files of a snapshot that can hold what is wanted."""
    snapshot.require(to_write=False)
    adds = list(snapshot.files.values())
    bounds = _bounds(adds, wanted) if wanted is not None and len(wanted.by) == 1 else None
    held = wanted.within(*bounds) if wanted is not None and bounds is not None else [True] * len(adds)
    return [
        LiveFile(Path(snapshot.path), add["path"], add["partitionValues"], add.get("deletionVector"))
        for add, holds in zip(adds, held, strict=True)
        if holds
    ]


def _bounds(adds: Sequence[Mapping[str, Any]], wanted: Wanted) -> tuple[pa.Array, pa.Array] | None:
    """The log's least and greatest key of each file; None where they are not to be read as keys."""
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


def live_hits(file: LiveFile, wanted: Wanted) -> Positions:
    """The numbers of a file's rows that have one of the keys and are still in the table, ascending."""
    hits = _hits(file, wanted)
    if file.vector is None or not len(hits):
        return hits
    dead = file.dead()
    after = np.minimum(np.searchsorted(dead, hits), len(dead) - 1)
    return np.asarray(hits[dead[after] != hits])


def _hits(file: LiveFile, wanted: Wanted) -> Positions:
    """Those also that are no longer in the table. The first time a file is asked its keys are gone through; then ordered."""
    name = f"{file.absolute}:{wanted.by[0]}"
    kept = KEPT.get(name) if len(wanted.by) == 1 else None
    if kept is None:
        kept = key_array(read_whole(file, wanted.schema), wanted.by)
        if len(wanted.by) == 1 and _is_fixed(kept.type):
            KEPT.put(name, kept, kept.nbytes)
    elif isinstance(kept, pa.Array) and _comparable(kept) is not None:
        kept = _Ordered.of(kept)
        KEPT.put(name, kept, kept.nbytes)
    if isinstance(kept, _Ordered):
        return kept.find(wanted.keys)
    return np.asarray(pc.indices_nonzero(pc.is_in(kept, value_set=wanted.keys))).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A file's keys in order, each with the number of its row, and the rows without one: looked up, not gone through."""

    keys: npt.NDArray[Any]
    rows: npt.NDArray[np.uint32]
    without: Positions

    @classmethod
    def of(cls, column: pa.Array) -> _Ordered:
        numbers, lacking = _comparable(column), _unknown(column)
        assert numbers is not None
        order = np.argsort(numbers, kind="stable")
        order = order[~lacking[order]]
        return cls(numbers[order], order.astype(np.uint32), np.flatnonzero(lacking))

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.rows.nbytes + self.without.nbytes

    def find(self, keys: pa.Array) -> Positions:
        numbers = _comparable(pc.drop_null(keys))
        assert numbers is not None
        numbers = np.sort(numbers)
        first, last = np.searchsorted(self.keys, numbers, "left"), np.searchsorted(self.keys, numbers, "right")
        counts = last - first
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        hits = self.rows[places.astype(np.int64)].astype(np.int64)
        return np.sort(np.concatenate([hits, self.without]) if keys.null_count else hits)


def _is_fixed(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_temporal(type_) or pa.types.is_decimal(type_))
