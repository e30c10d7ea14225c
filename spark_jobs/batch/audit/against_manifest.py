"""Compares the verdict on each row with the one that its generator expects: nothing missed, nothing else refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.batch.audit.result import SHOWN, Finding
from spark_jobs.batch.audit.verdict_counts import verdict_counts

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

MANIFEST = (
    "source string, position bigint, event_id string, version int, fault string, outcome string, "
    "reasons array<array<string>>"
)


def compare_with_manifest(
    spark: SparkSession, lake: Lake, subject: Subject, manifest: Path
) -> tuple[dict[str, Any], list[Finding]]:
    """Return counts by outcome and fault, and the rows that differ. Rows of files that the manifest does not name are ignored.

    A row of a file that was announced but never delivered (its generator was killed) is not expected.
    """
    expected = _expected(spark, manifest, lake, subject)
    rows = expected.join(_actual(spark, lake, subject), on=["source", "position"], how="left").cache()
    try:
        return _compare(rows)
    finally:
        rows.unpersist()


def _expected(spark: SparkSession, manifest: Path, lake: Lake, subject: Subject) -> DataFrame:
    """The manifest's rows of delivered files: source, position, fault, expected outcome, expected reasons (code:field, sorted)."""
    lines = spark.read.schema(MANIFEST).json(str(manifest)).where(F.col("position").isNotNull())
    landed = spark.read.format("delta").load(lake.files.path).where(F.col("subject") == subject.name)
    delivered = landed.select("source").distinct()
    reasons = F.transform("reasons", lambda pair: F.concat_ws(":", pair[0], pair[1]))
    return lines.join(F.broadcast(delivered), on="source", how="left_semi").select(
        "source",
        "position",
        "fault",
        F.col("outcome").alias("expected"),
        F.array_sort(reasons).alias("expected_reasons"),
    )


def _actual(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """One row per place in a file: source, position, the verdict when the row was first read, and its reasons."""
    places = spark.read.format("delta").load(lake.bronze(subject).path).select("row_id", "source", "source_position")
    letters = spark.read.format("delta").load(lake.dead_letters.path).where(F.col("subject") == subject.name)
    reasons = F.transform("reasons", lambda reason: F.concat_ws(":", reason["code"], reason["field"]))
    refused = letters.select("row_id", F.array_sort(reasons).alias("actual_reasons"))
    outcome = F.when(F.col("accepted") > 0, "accepted").when(F.col("dead_letter") > 0, "dead_letter")
    outcome = outcome.when(F.col("duplicate") > 0, "duplicate")
    judged = verdict_counts(spark, lake, subject).select("row_id", outcome.alias("actual"))
    rows = places.distinct().join(judged, on="row_id", how="left").join(refused, on="row_id", how="left")
    return rows.select("source", F.col("source_position").alias("position"), "actual", "actual_reasons")


def _compare(rows: DataFrame) -> tuple[dict[str, Any], list[Finding]]:
    none = F.array().cast("array<string>")
    same_reasons = F.coalesce("expected_reasons", none) == F.coalesce("actual_reasons", none)
    is_refused = F.col("expected") == "dead_letter"
    rows = rows.withColumn("agrees", F.col("expected").eqNullSafe(F.col("actual")) & (~is_refused | same_reasons))
    planted = F.col("fault").isNotNull() & (F.col("expected") != "accepted")
    sums = rows.agg(
        F.count("*").alias("rows"),
        F.count_if(planted).alias("planted"),
        F.count_if(planted & F.col("agrees")).alias("found"),
        F.count_if(~F.col("agrees")).alias("wrong"),
        F.count_if(~F.col("agrees") & (F.col("expected") == "accepted")).alias("wrongly_refused"),
    ).first()
    assert sums is not None
    outcomes = {row.expected: row["count"] for row in rows.groupBy("expected").count().collect()}
    finding = Finding("rows that differ from the manifest", sums.wrong, _examples(rows) if sums.wrong else ())
    return {**sums.asDict(), "outcomes": outcomes}, [finding]


def _examples(rows: DataFrame) -> tuple[str, ...]:
    wrong = rows.where(~F.col("agrees")).orderBy("source", "position").limit(SHOWN).collect()
    return tuple(
        f"{row.source}:{row.position} {row.fault or 'no fault'}: expected {row.expected} {row.expected_reasons}, "
        f"found {row.actual} {row.actual_reasons or []}"
        for row in wrong
    )
