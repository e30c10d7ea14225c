"""The audit of changes: the current table and history held against the change log, key by key, in Spark."""

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
    """What does not agree. Keys that a batch under way has changed (it is not ``booked``) are left out."""
    contract = subject.latest
    log = read_table(spark, lake.changes(subject))
    current = read_table(spark, lake.current(subject))
    busy = log.where(~booked).select(*contract.key).distinct()
    yield _stale(log.where(booked), current, busy, contract)
    history = lake.history(subject)
    if history is not None:
        yield from _broken_history(read_table(spark, history), current, busy, contract)


def _stale(log: DataFrame, current: DataFrame, busy: DataFrame, contract: Contract) -> Finding:
    """Every key's row must be that of its greatest change, or of the greatest truncate where that is greater."""
    order = F.struct(F.col(str(contract.sequence_by)).cast("bigint").alias("sequence"), F.col("change_id").alias("id"))
    key, changed = list(contract.key), F.col("op") != "t"
    own = log.where(changed).groupBy(*key).agg(F.max(order).alias("told"))
    truncate = log.where(~changed).agg(F.max(order).alias("truncate"))
    told = own.crossJoin(F.broadcast(truncate)).select(*key, F.greatest("told", "truncate").alias("told"))
    held = F.struct(F.col("_sequence").alias("sequence"), F.col("_change_id").alias("id"))
    rows = current.select(*key, held.alias("held"))
    both = told.join(rows, on=key, how="full").join(busy, on=key, how="left_anti")
    wrong = both.where(~F.col("told").eqNullSafe(F.col("held")))
    return _found("keys whose current row is not that of their greatest change", wrong, key)


def _broken_history(history: DataFrame, current: DataFrame, busy: DataFrame, contract: Contract) -> Iterator[Finding]:
    """A key's versions must follow each other, none empty; a live key has one that is open, a deleted key none."""
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
    yield _found("versions that are empty, overlap or are misnumbered", overlapping, [*key, "valid_from"])
    is_open = history.where("is_current").groupBy(*key).agg(F.count("*").alias("open"))
    both = current.select(*key, "_deleted").join(is_open, on=key, how="full").join(busy, on=key, how="left_anti")
    wanted = F.when(F.col("_deleted"), 0).otherwise(F.when(F.col("_deleted").isNull(), -1).otherwise(1))
    wrong = both.where(F.coalesce("open", F.lit(0)) != wanted)
    yield _found("keys with another number of open versions than they should have", wrong, key)


def _found(what: str, wrong: DataFrame, shown: list[str]) -> Finding:
    """The rows counted; where there are any, which they are is asked in a second pass."""
    count = wrong.count()
    if not count:
        return Finding(what, 0)
    text = F.concat_ws(" ", *[F.col(name).cast("string") for name in shown])
    examples = wrong.select(text.alias("text")).orderBy("text").limit(SHOWN).collect()
    return Finding(what, count, tuple(row.text for row in examples))
