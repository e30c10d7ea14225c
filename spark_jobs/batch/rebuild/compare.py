"""Compares tables by content: rows as multisets by key and hash, all tables in one pass; what differs is read again by key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import Column

SHOWN = 10
#: A sum of hashes is shown modulo this.
HASHES = 1 << 64
EXACT = "decimal(20,0)"
SIDES = ("live", "rebuilt")


@dataclass(frozen=True, slots=True)
class Content:
    """One table's content: the columns that are compared, and those of them whose values say which rows are compared."""

    table: str
    rows: DataFrame
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """One key whose rows differ: how many each side has of it and, where both have one, the values of columns that differ."""

    key: dict[str, Any]
    live_rows: int
    rebuilt_rows: int
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides of a table: rows, the hash of all content whatever its order, keys that differ (the first are shown).

    ``only_live`` and ``only_rebuilt`` are keys, among the differing, of which the other side has no row.
    """

    table: str
    live: int = 0
    rebuilt: int = 0
    live_hash: str = f"{0:016x}"
    rebuilt_hash: str = f"{0:016x}"
    differing: int = 0
    only_live: int = 0
    only_rebuilt: int = 0
    examples: tuple[KeyDifference, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json."""
        return asdict(self)


def compare(live: Sequence[Content], rebuilt: Sequence[Content]) -> tuple[Comparison, ...]:
    """Compare the same tables of two sides, which have the same columns. Maps are equal whatever the order of their entries."""
    by_key = _by_key(live, rebuilt)
    sums = {row.at: row.asDict() for row in _sums(by_key).collect()}
    comparisons = []
    for at, (live_table, rebuilt_table) in enumerate(zip(live, rebuilt, strict=True)):
        own = sums.get(at, {})
        keys = _differing_keys(by_key, at) if own.get("differing") else []
        comparisons.append(_comparison(live_table, rebuilt_table, own, keys))
    return tuple(comparisons)


def _by_key(live: Sequence[Content], rebuilt: Sequence[Content]) -> DataFrame:
    """Count each side's rows by table and key, and sum their hashes, exactly so that their order makes no difference."""
    sides = [_hashed(at, content, "live") for at, content in enumerate(live)]
    sides += [_hashed(at, content, "rebuilt") for at, content in enumerate(rebuilt)]
    sums = [F.sum(name).alias(name) for side in SIDES for name in (side, f"{side}_hash")]
    by_key = reduce(DataFrame.union, sides).groupBy("at", "key").agg(*sums)
    is_other = (F.col("live") != F.col("rebuilt")) | (F.col("live_hash") != F.col("rebuilt_hash"))
    return by_key.withColumn("differs", is_other)


def _hashed(at: int, content: Content, side: str) -> DataFrame:
    """Return each row as its table's number, its key as text, and what it adds to the sums of its side."""
    hashed = content_hash(content.rows).cast(EXACT)
    columns = [F.lit(at).alias("at"), _key_text(content).alias("key")]
    for other in SIDES:
        is_own = side == other
        columns.append(F.lit(int(is_own)).alias(other))
        columns.append((hashed if is_own else F.lit(0).cast(EXACT)).alias(f"{other}_hash"))
    return content.rows.select(*columns)


def _key_text(content: Content) -> Column:
    return F.to_json(F.struct(*content.key))


def content_hash(frame: DataFrame) -> Column:
    """Return a hash of all columns. A null does not change a hash, so a flag for each null goes in as well."""
    parts = [_hashable(field.name, field.dataType) for field in frame.schema]
    return F.xxhash64(*[each for part in parts for each in (part, part.isNull())])


def _hashable(name: str, type_: Any) -> Column:
    """Return a column in a form that can be hashed: nested values as text, the entries of a map in the order of their keys."""
    column = F.col(name)
    if isinstance(type_, MapType):
        return F.to_json(F.array_sort(F.map_entries(column)))
    return F.to_json(column) if isinstance(type_, ArrayType | StructType) else column


def _sums(by_key: DataFrame) -> DataFrame:
    differs = F.col("differs")
    return by_key.groupBy("at").agg(
        *[F.sum(name).alias(name) for side in SIDES for name in (side, f"{side}_hash")],
        F.count_if(differs).alias("differing"),
        F.count_if(differs & (F.col("rebuilt") == 0)).alias("only_live"),
        F.count_if(differs & (F.col("live") == 0)).alias("only_rebuilt"),
    )


def _differing_keys(by_key: DataFrame, at: int) -> list[str]:
    rows = by_key.where((F.col("at") == at) & F.col("differs")).orderBy("key").limit(SHOWN).select("key").collect()
    return [row.key for row in rows]


def _comparison(live: Content, rebuilt: Content, sums: dict[str, Any], keys: Sequence[str]) -> Comparison:
    values = {name: value for name, value in sums.items() if name != "at"}
    values |= {name: f"{int(value) % HASHES:016x}" for name, value in values.items() if name.endswith("_hash")}
    return Comparison(live.table, **values, examples=tuple(_examples(live, rebuilt, keys)))


def _examples(live: Content, rebuilt: Content, keys: Sequence[str]) -> Iterator[KeyDifference]:
    """Read the rows of these keys again on both sides, as they are few, and yield what differs."""
    sides = [_rows(content, keys) for content in (live, rebuilt)] if keys else []
    for key in keys:
        live_rows, rebuilt_rows = (side.get(key, []) for side in sides)
        both = len(live_rows) == len(rebuilt_rows) == 1
        columns = _differing_columns(live_rows[0], rebuilt_rows[0]) if both else {}
        shown = {name: (live_rows or rebuilt_rows)[0][name] for name in live.key}
        yield KeyDifference(shown, len(live_rows), len(rebuilt_rows), columns)


def _rows(content: Content, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of some keys, by key as text; maps as dictionaries."""
    rows = content.rows.withColumn("_key", _key_text(content)).where(F.col("_key").isin(list(keys))).toArrow()
    maps = {field.name for field in rows.schema if pa.types.is_map(field.type)}
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        key = row.pop("_key")
        plain = {name: dict(value) if name in maps and value is not None else value for name, value in row.items()}
        by_key.setdefault(key, []).append(plain)
    return by_key


def _differing_columns(live: dict[str, Any], rebuilt: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (live[name], rebuilt[name]) for name in live if live[name] != rebuilt[name]}
