"""Counts in the tables how often each row was accepted, found to be a duplicate, or refused."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.storage.spark_tables import read_table

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

#: The verdicts on a row, by which the books count too.
VERDICTS = ("accepted", "duplicate", "dead_letter")


def verdict_counts(spark: SparkSession, lake: Lake, subject: Subject, booked: Column | None = None) -> DataFrame:
    """Return one row per row id: its copies in Bronze, and how often it was accepted, a duplicate, a dead letter.

    Columns: row_id, bronze, accepted, duplicate, dead_letter; a dead letter that was resolved does not count. ``booked``: a
    condition on the batches to count; all of them where it is not given.
    """
    judged = rows_by_verdict(spark, lake, subject, F.lit(True) if booked is None else booked)
    unresolved = judged["dead_letter"].where(F.col("status") != "resolved")
    tables = {"bronze": read_table(spark, lake.bronze(subject)), **judged, "dead_letter": unresolved}
    marked = [
        table.select("row_id", *[F.lit(int(name == other)).alias(other) for other in tables])
        for name, table in tables.items()
    ]
    return reduce(DataFrame.unionByName, marked).groupBy("row_id").agg(*[F.sum(name).alias(name) for name in tables])


def batch_counts(
    spark: SparkSession, lake: Lake, subject: Subject, booked: Column
) -> dict[tuple[str, int], dict[str, int]]:
    """Return the rows of each batch by verdict, counted in the tables; batches by query id and number."""
    tables = rows_by_verdict(spark, lake, subject, booked)
    marked = [table.select(F.lit(name).alias("verdict"), "query_id", "batch_id") for name, table in tables.items()]
    counted = reduce(DataFrame.unionByName, marked).groupBy("verdict", "query_id", "batch_id")
    counts: dict[tuple[str, int], dict[str, int]] = {}
    for row in counted.agg(F.count("*").alias("rows")).collect():
        counts.setdefault((row.query_id, row.batch_id), {})[row.verdict] = row.rows
    return counts


def rows_by_verdict(spark: SparkSession, lake: Lake, subject: Subject, booked: Column) -> dict[str, DataFrame]:
    """Return the subject's rows of the batches that ``booked`` holds for, by verdict."""
    own = F.col("subject") == subject.name
    return {
        "accepted": read_table(spark, lake.accepted(subject)).where(booked),
        "duplicate": read_table(spark, lake.duplicates).where(own & booked),
        "dead_letter": read_table(spark, lake.dead_letters).where(own & booked),
    }
