"""The audit of changes: the current table and the history compared with the change log, key by key, in Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.batch.audit.result import SHOWN, Finding
from spark_jobs.storage.spark_tables import read_table
from spark_jobs.transforms.scd2 import LAST, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import Column, DataFrame, SparkSession

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def change_findings(spark: SparkSession, lake: Lake, subject: Subject, booked: Column) -> Iterator[Finding]:
    """Yield what does not agree. Keys that a batch under way has changed (it is not ``booked``) are left out."""
    contract = subject.latest
    log = read_table(spark, lake.changes(subject))
    current = read_table(spark, lake.current(subject))
    busy = log.where(~booked).select(*contract.key).distinct()
    yield _stale(log.where(booked), current, busy, contract)
    history = lake.history(subject)
    if history is not None:
        yield from _broken_history(read_table(spark, history), current, busy, contract)


def _stale(log: DataFrame, current: DataFrame, busy: DataFrame, contract: Contract) -> Finding:
    """Find keys whose row is not that of their greatest change, or of the greatest truncate where that is greater."""
    order = F.struct(F.col(str(contract.sequence_by)).cast("bigint").alias("sequence"), F.col("change_id").alias("id"))
    key, changed = list(contract.key), F.col("op") != "t"
    own = log.where(changed).groupBy(*key).agg(F.max(order).alias("greatest"))
    truncate = log.where(~changed).agg(F.max(order).alias("truncate"))
    expected = own.crossJoin(F.broadcast(truncate)).select(*key, F.greatest("greatest", "truncate").alias("expected"))
    change = F.struct(F.col("_sequence").alias("sequence"), F.col("_change_id").alias("id"))
    actual = current.select(*key, change.alias("actual"))
    both = expected.join(actual, on=key, how="full").join(busy, on=key, how="left_anti")
    wrong = both.where(~F.col("expected").eqNullSafe(F.col("actual")))
    return _finding("keys whose current row is not that of their greatest change", wrong, key)


def _broken_history(history: DataFrame, current: DataFrame, busy: DataFrame, contract: Contract) -> Iterator[Finding]:
    """Find versions that are empty, overlap or are misnumbered; and keys that have not one open version, or, deleted, any."""
    key = list(contract.key)
    in_time = Window.partitionBy(*key).orderBy("valid_from")
    rows = history.withColumn("_next", F.lead("valid_from").over(in_time))
    rows = rows.withColumn("_number", F.row_number().over(in_time))
    lasts = F.col("is_current") & (F.col("valid_from") == F.lit(LAST))  # begun as late as can be
    sound = (
        ((F.col("valid_from") < F.col("valid_to")) | lasts)
        & F.coalesce(F.col("_next") >= F.col("valid_to"), F.lit(True))
        & (F.col("_number") == F.col("version"))
        & (~F.col("is_current") | (F.col("valid_to") >= F.lit(OPEN)))
    )
    overlapping = rows.where(~sound).join(busy, on=key, how="left_anti")
    yield _finding("versions that are empty, overlap or are misnumbered", overlapping, [*key, "valid_from"])
    is_open = history.where("is_current").groupBy(*key).agg(F.count("*").alias("open"))
    both = current.select(*key, "_deleted").join(is_open, on=key, how="full").join(busy, on=key, how="left_anti")
    wanted = F.when(F.col("_deleted"), 0).otherwise(F.when(F.col("_deleted").isNull(), -1).otherwise(1))
    wrong = both.where(F.coalesce("open", F.lit(0)) != wanted)
    yield _finding("keys with another number of open versions than they should have", wrong, key)


def _finding(what: str, wrong: DataFrame, shown: list[str]) -> Finding:
    """Count the rows; where there are any, a second pass takes examples of them."""
    count = wrong.count()
    if not count:
        return Finding(what, 0)
    text = F.concat_ws(" ", *[F.col(name).cast("string") for name in shown])
    examples = wrong.select(text.alias("text")).orderBy("text").limit(SHOWN).collect()
    return Finding(what, count, tuple(row.text for row in examples))
