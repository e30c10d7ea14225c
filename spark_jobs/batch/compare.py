"""Two tables compared by content: rows as a multiset by key and hash, in one pass; what differs is read again and shown by key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

SHOWN = 10
#: A sum of hashes is told modulo this.
HASHES = 1 << 64
EXACT = "decimal(20,0)"
SIDES = ("live", "rebuilt")


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
    live: int
    rebuilt: int
    live_hash: str
    rebuilt_hash: str
    differing: int
    only_live: int
    only_rebuilt: int
    examples: tuple[KeyDifference, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain form for --json."""
        return asdict(self)


def compare(table: str, live: DataFrame, rebuilt: DataFrame, key: Sequence[str]) -> Comparison:
    """Compare two frames of the same columns; all of them are content. Maps are equal whatever the order of their entries."""
    by_key = _by_key(live, rebuilt, key).select("*", _differs().alias("_differs"))
    missing = [F.count_if(F.col("_differs") & (F.col(side) == 0)) for side in SIDES]
    told = by_key.agg(
        *[F.coalesce(F.sum(side), F.lit(0)).alias(side) for side in SIDES],
        *[F.coalesce(F.sum(f"{side}_hash"), F.lit(0)).alias(f"{side}_hash") for side in SIDES],
        F.count_if("_differs").alias("differing"),
        *[column.alias(name) for column, name in zip(missing, ("only_rebuilt", "only_live"), strict=True)],
    ).first()
    assert told is not None
    counts = {name: told[name] for name in (*SIDES, "differing", "only_live", "only_rebuilt")}
    live_hash, rebuilt_hash = (f"{int(told[f'{side}_hash']) % HASHES:016x}" for side in SIDES)
    rows = by_key.where("_differs").orderBy(*key).limit(SHOWN).toArrow().to_pylist() if told.differing else []
    shown = _examples(rows, live, rebuilt, key)
    return Comparison(table, **counts, live_hash=live_hash, rebuilt_hash=rebuilt_hash, examples=shown)


def _by_key(live: DataFrame, rebuilt: DataFrame, key: Sequence[str]) -> DataFrame:
    """For each key: rows of each side, and the sum of their hashes, which is exact so that no order shows."""
    sides = [_hashed(live, key, "live"), _hashed(rebuilt.select(live.columns), key, "rebuilt")]
    sums = [F.sum(name).alias(name) for side in SIDES for name in (side, f"{side}_hash")]
    return sides[0].unionByName(sides[1]).groupBy(*key).agg(*sums)


def _hashed(frame: DataFrame, key: Sequence[str], side: str) -> DataFrame:
    content = content_hash(frame).cast(EXACT)
    columns = []
    for other in SIDES:
        is_own = side == other
        columns.append(F.lit(int(is_own)).alias(other))
        columns.append((content if is_own else F.lit(0).cast(EXACT)).alias(f"{other}_hash"))
    return frame.select(*key, *columns)


def content_hash(frame: DataFrame) -> Column:
    """A hash of all columns. A null leaves a hash as it was, so whether each is null goes in as well."""
    parts = [_hashable(field.name, field.dataType) for field in frame.schema]
    return F.xxhash64(*[each for part in parts for each in (part, part.isNull())])


def _hashable(name: str, type_: Any) -> Column:
    """Nested values as text, the entries of a map in the order of their keys."""
    column = F.col(name)
    if isinstance(type_, MapType):
        return F.to_json(F.array_sort(F.map_entries(column)))
    return F.to_json(column) if isinstance(type_, ArrayType | StructType) else column


def _differs() -> Column:
    return (F.col("live") != F.col("rebuilt")) | (F.col("live_hash") != F.col("rebuilt_hash"))


def _examples(
    rows: Sequence[dict[str, Any]], live: DataFrame, rebuilt: DataFrame, key: Sequence[str]
) -> tuple[KeyDifference, ...]:
    """What the rows of these keys are on both sides; read again, as they are few."""
    if not rows:
        return ()
    meant = reduce(or_, [_is(row, key) for row in rows])
    found = [_values(frame.where(meant), key) for frame in (live, rebuilt)]
    shown = []
    for row in rows:
        one, other = (side.get(_key_of(row, key), []) for side in found)
        columns = _differing(one[0], other[0]) if len(one) == len(other) == 1 else {}
        shown.append(KeyDifference({name: row[name] for name in key}, row["live"], row["rebuilt"], columns))
    return tuple(shown)


def _is(row: dict[str, Any], key: Sequence[str]) -> Column:
    return reduce(and_, [F.col(name).eqNullSafe(F.lit(row[name])) for name in key])


def _values(frame: DataFrame, key: Sequence[str]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    rows = frame.toArrow()
    maps = {field.name for field in rows.schema if pa.types.is_map(field.type)}
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        plain = {name: dict(value) if name in maps and value is not None else value for name, value in row.items()}
        found.setdefault(_key_of(plain, key), []).append(plain)
    return found


def _key_of(row: dict[str, Any], key: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in key)


def _differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}
