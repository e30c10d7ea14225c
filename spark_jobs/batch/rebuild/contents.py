"""What a subject has come to in a lake, as frames of content: without who processed a row, when, and in which batch.

Left out are query_id, batch_id, processed_at and row_id, and late_arrival_flag, which depends on what came in one batch. Of copies
that were read twice either may be the one that was accepted, so the row ids themselves are compared by their verdicts.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.batch.rebuild.compare import Content
from spark_jobs.storage.spark_tables import read_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

PROCESSING = frozenset({"query_id", "batch_id", "processed_at", "row_id", "late_arrival_flag"})
#: What a dead letter is: the row as it came, and why it was refused. When, by which contracts, and what was decided since is not.
LETTER = ("row_id", "schema_version", "reasons", "payload", "raw", "source", "source_position")
VERDICTS = "verdicts of row ids"
ACCEPTED, DEAD_LETTER, DUPLICATE = "accepted", "dead letter", "duplicate"


def contents(
    spark: SparkSession, lake: Lake, subject: Subject, left_out: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Iterator[Content]:
    """The subject's tables in the order of its route, dead letters, and last the verdict of every row id (``VERDICTS``).

    ``left_out``: by table, columns that are no part of its content here; keys always are.
    """
    for table, key in _keys(lake, subject):
        besides = PROCESSING.union(left_out.get(table.name, ())).difference(key)
        names = [name for name in table.schema.names if name not in besides]
        yield Content(table.name, _columns(read_table(spark, table), table, names), key)
    letters = _columns(_letters(spark, lake, subject), lake.dead_letters, LETTER)
    yield Content(lake.dead_letters.name, letters, ("row_id",))
    yield Content(VERDICTS, _verdicts(spark, lake, subject), ("row_id",))


def _keys(lake: Lake, subject: Subject) -> Iterator[tuple[Table, tuple[str, ...]]]:
    key = subject.latest.key
    if subject.kind == "events":
        yield lake.events(subject), key
        return
    yield lake.changes(subject), ("change_id",)
    yield lake.current(subject), key
    history = lake.history(subject)
    if history is not None:
        yield history, (*key, "valid_from")


def _columns(rows: DataFrame, table: Table, names: Sequence[str]) -> DataFrame:
    """Those columns, null where a table is from before the contract had them, or where a value is none of the contract's type."""
    types = {field.name: field.dataType for field in from_arrow_schema(table.schema)}
    there = {field.name: field.dataType for field in rows.schema}
    return rows.select(*[_typed(name, there.get(name), types[name]).alias(name) for name in names])


def _typed(name: str, is_: DataType | None, should: DataType) -> Column:
    """A column as the contract types it. Another type is read from the value's text: every type has one, and nothing is rounded."""
    if is_ is None:
        return F.lit(None).cast(should)
    return F.col(name) if is_ == should else F.col(name).cast("string").try_cast(should)


def _letters(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """Letters that stand: one that was resolved counts as accepted."""
    return read_table(spark, lake.dead_letters).where(
        (F.col("subject") == subject.name) & (F.col("status") != "resolved")
    )


def _verdicts(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """What became of each row id, however often it was read: what was accepted or refused once and read again stays that."""
    repeats = read_table(spark, lake.duplicates).where(F.col("subject") == subject.name)
    by_rank = (read_table(spark, lake.accepted(subject)), _letters(spark, lake, subject), repeats)
    ranked = [rows.select("row_id", F.lit(rank).alias("rank")) for rank, rows in enumerate(by_rank)]
    least = ranked[0].unionByName(ranked[1]).unionByName(ranked[2]).groupBy("row_id").agg(F.min("rank").alias("rank"))
    named = F.element_at(F.array(*[F.lit(name) for name in (ACCEPTED, DEAD_LETTER, DUPLICATE)]), F.col("rank") + 1)
    return least.select("row_id", named.alias("verdict"))
