"""The content of a subject's tables in a lake, as frames that can be compared: without which batch processed a row, and when.

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
#: The content of a dead letter: the row as it came, and why it was refused; not when, by which contracts, or decisions since.
DEAD_LETTER_COLUMNS = ("row_id", "schema_version", "reasons", "payload", "raw", "source", "source_position")
VERDICTS = "verdicts of row ids"
ACCEPTED, DEAD_LETTER, DUPLICATE = "accepted", "dead letter", "duplicate"


def contents(
    spark: SparkSession, lake: Lake, subject: Subject, left_out: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Iterator[Content]:
    """Yield the subject's tables in the order in which rows reach them, dead letters, and each row id's verdict (``VERDICTS``).

    ``left_out``: by table, columns that are not compared; keys always are.
    """
    for table, key in _keys(lake, subject):
        besides = PROCESSING.union(left_out.get(table.name, ())).difference(key)
        names = [name for name in table.schema.names if name not in besides]
        yield Content(table.name, _columns(read_table(spark, table), table, names), key)
    letters = _columns(_unresolved_dead_letters(spark, lake, subject), lake.dead_letters, DEAD_LETTER_COLUMNS)
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
    """Select the columns; null where the table does not have one yet, or where a value is none of the contract's type."""
    types = {field.name: field.dataType for field in from_arrow_schema(table.schema)}
    there = {field.name: field.dataType for field in rows.schema}
    return rows.select(*[_typed(name, there.get(name), types[name]).alias(name) for name in names])


def _typed(name: str, is_: DataType | None, should: DataType) -> Column:
    """Return a column in the contract's type. Another type is read from the value's text: all have one, and nothing is rounded."""
    if is_ is None:
        return F.lit(None).cast(should)
    return F.col(name) if is_ == should else F.col(name).cast("string").try_cast(should)


def _unresolved_dead_letters(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """Return the subject's dead letters without the resolved ones, which count as accepted."""
    return read_table(spark, lake.dead_letters).where(
        (F.col("subject") == subject.name) & (F.col("status") != "resolved")
    )


def _verdicts(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """Return each row id with one verdict: a row that was accepted or refused once stays so, however often it is read again."""
    repeats = read_table(spark, lake.duplicates).where(F.col("subject") == subject.name)
    by_rank = (read_table(spark, lake.accepted(subject)), _unresolved_dead_letters(spark, lake, subject), repeats)
    ranked = [rows.select("row_id", F.lit(rank).alias("rank")) for rank, rows in enumerate(by_rank)]
    least = ranked[0].unionByName(ranked[1]).unionByName(ranked[2]).groupBy("row_id").agg(F.min("rank").alias("rank"))
    named = F.element_at(F.array(*[F.lit(name) for name in (ACCEPTED, DEAD_LETTER, DUPLICATE)]), F.col("rank") + 1)
    return least.select("row_id", named.alias("verdict"))
