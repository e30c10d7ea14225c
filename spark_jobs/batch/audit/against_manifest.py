"""What the lake made of each row against what its generator says must become of it: nothing missed, nothing else refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.batch.audit.finding import SHOWN, Finding
from spark_jobs.batch.audit.run import verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

MANIFEST = (
    "source string, position bigint, event_id string, version int, fault string, outcome string, "
    "reasons array<array<string>>"
)


def against_manifest(
    spark: SparkSession, lake: Lake, subject: Subject, manifest: Path
) -> tuple[dict[str, Any], list[Finding]]:
    """Counts by outcome and fault, and what differs. Rows of files that the manifest does not name are not looked at.

    A row of a file that was announced but never delivered (its generator was killed) is not expected.
    """
    told = _told(spark, manifest, lake, subject)
    found = _found(spark, lake, subject)
    both = told.join(found, on=["source", "position"], how="left").cache()
    try:
        return _compare(both)
    finally:
        both.unpersist()


def _told(spark: SparkSession, manifest: Path, lake: Lake, subject: Subject) -> DataFrame:
    lines = spark.read.schema(MANIFEST).json(str(manifest)).where(F.col("position").isNotNull())
    landed = spark.read.format("delta").load(lake.files.path).where(F.col("subject") == subject.name)
    delivered = landed.select("source").distinct()
    pairs = F.transform("reasons", lambda pair: F.concat_ws(":", pair[0], pair[1]))
    told = lines.join(F.broadcast(delivered), on="source", how="left_semi")
    return told.select(
        "source", "position", "fault", F.col("outcome").alias("told"), F.array_sort(pairs).alias("told_why")
    )


def _found(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """One verdict per place in a file: what became of the row when it was first read."""
    places = spark.read.format("delta").load(lake.bronze(subject).path).select("row_id", "source", "source_position")
    letters = spark.read.format("delta").load(lake.dead_letters.path).where(F.col("subject") == subject.name)
    pairs = F.transform("reasons", lambda reason: F.concat_ws(":", reason["code"], reason["field"]))
    why = letters.select("row_id", F.array_sort(pairs).alias("found_why"))
    outcome = F.when(F.col("accepted") > 0, "accepted").when(F.col("dead_letter") > 0, "dead_letter")
    outcome = outcome.when(F.col("duplicate") > 0, "duplicate")
    judged = verdicts(spark, lake, subject).select("row_id", outcome.alias("found"))
    rows = places.distinct().join(judged, on="row_id", how="left").join(why, on="row_id", how="left")
    return rows.select("source", F.col("source_position").alias("position"), "found", "found_why")


def _compare(both: DataFrame) -> tuple[dict[str, Any], list[Finding]]:
    none = F.array().cast("array<string>")
    same_why = F.coalesce("told_why", none) == F.coalesce("found_why", none)
    agrees = F.col("told").eqNullSafe(F.col("found")) & ((F.col("told") != "dead_letter") | same_why)
    rows = both.withColumn("agrees", agrees)
    planted = F.col("fault").isNotNull() & (F.col("told") != "accepted")
    sums = rows.agg(
        F.count("*").alias("rows"),
        F.count_if(planted).alias("planted"),
        F.count_if(planted & F.col("agrees")).alias("found"),
        F.count_if(~F.col("agrees")).alias("wrong"),
        F.count_if(~F.col("agrees") & (F.col("told") == "accepted")).alias("wrongly_refused"),
    ).first()
    assert sums is not None
    outcomes = {row.told: row["count"] for row in rows.groupBy("told").count().collect()}
    wrong = rows.where(~F.col("agrees")).orderBy("source", "position").limit(SHOWN).collect() if sums.wrong else []
    examples = tuple(
        f"{row.source}:{row.position} {row.fault or 'no fault'}: expected {row.told} {row.told_why}, "
        f"found {row.found} {row.found_why or []}"
        for row in wrong
    )
    return {**sums.asDict(), "outcomes": outcomes}, [
        Finding("rows that differ from the manifest", sums.wrong, examples)
    ]
