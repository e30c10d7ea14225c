"""The audit: the books computed again from the tables themselves, row id by row id, and held against what was booked.

For every row id: copies in Bronze = accepted + duplicates + dead letters + control, and accepted + dead letters is at most 1. A
refine checkpoint that was deleted reads Bronze again: each such reading is in the books of its own query and adds a duplicate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.batch.status import file_standing
from spark_jobs.sinks.commit import open_table

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table

SHOWN = 10
VERDICTS = ("accepted", "duplicate", "dead_letter")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: what, how many rows or batches, and some of them."""

    what: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What the tables say of one subject. ``waiting``: rows landed and not yet refined, ``files_waiting``: not yet landed."""

    subject: str
    bronze: int
    accepted: int
    duplicate: int
    dead_letter: int
    control: int
    waiting: int
    readings: int
    batches: int
    files_waiting: int
    findings: tuple[Finding, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether nothing at all disagrees."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """A plain form for --json."""
        return {**asdict(self), "balanced": self.balanced}


def audit(spark: SparkSession, lake: Lake, landing_root: Path, subject: Subject) -> Audit:
    """Recompute one subject's books from its tables."""
    rows = verdicts(spark, lake, subject).cache()
    try:
        return _audit(spark, lake, landing_root, subject, rows)
    finally:
        rows.unpersist()


def verdicts(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    """One row per row id: its copies in Bronze, and how often it was accepted, a duplicate, a dead letter."""
    own = F.col("subject") == subject.name
    letters = _read(spark, lake.dead_letters).where(own & (F.col("status") != "resolved"))
    tables = {
        "bronze": _read(spark, lake.bronze(subject)),
        "accepted": _read(spark, lake.silver(subject)),
        "duplicate": _read(spark, lake.duplicates).where(own),
        "dead_letter": letters,
    }
    counted = [
        table.select("row_id", *[F.lit(int(name == other)).alias(other) for other in tables])
        for name, table in tables.items()
    ]
    union = counted[0]
    for more in counted[1:]:
        union = union.unionByName(more)
    return union.groupBy("row_id").agg(*[F.sum(name).alias(name) for name in tables])


def _audit(spark: SparkSession, lake: Lake, landing_root: Path, subject: Subject, rows: DataFrame) -> Audit:
    books = _books(spark, lake, subject)
    sums = rows.agg(*[F.sum(name).alias(name) for name in ("bronze", *VERDICTS)]).first()
    total = {name: int((sums[name] if sums else 0) or 0) for name in ("bronze", *VERDICTS)}
    booked = books.groupBy("query_id").agg(
        F.sum("rows_read").alias("rows_read"), F.sum("control").alias("control"), F.max("started_at").alias("at")
    )
    queries = booked.orderBy("at").collect()
    control = sum(row.control for row in queries)
    read = sum(row.rows_read for row in queries)
    waiting = total["bronze"] - (queries[-1].rows_read if queries else 0)
    findings = [
        *_row_findings(rows, max(1, len(queries)), waiting),
        *_sum_findings(total, control, read),
        *_batch_findings(spark, lake, subject, books),
        *_file_findings(spark, lake, landing_root, subject),
    ]
    return Audit(
        subject=subject.name,
        **total,
        control=control,
        waiting=waiting,
        readings=len(queries),
        batches=books.count(),
        files_waiting=len(file_standing(lake, landing_root, subject).waiting),
        findings=tuple(finding for finding in findings if finding.count),
    )


def _row_findings(rows: DataFrame, readings: int, waiting: int) -> list[Finding]:
    judged = F.col("accepted") + F.col("duplicate") + F.col("dead_letter")
    kinds = {
        "landed twice: accepted or dead-lettered more than once": F.col("accepted") + F.col("dead_letter") > 1,
        "judged, but not in Bronze": (F.col("bronze") == 0) & (judged > 0),
        "judged more often than it was read": (F.col("bronze") > 0) & (judged > F.col("bronze") * readings),
        "judged, but fewer times than it lies in Bronze": (judged > 0) & (judged < F.col("bronze")),
        "without any verdict": judged == 0,
    }
    counts = rows.agg(*[F.count_if(broken).alias(name) for name, broken in kinds.items()]).first()
    assert counts is not None
    allowed = {"without any verdict": waiting, "judged, but fewer times than it lies in Bronze": waiting}
    found = []
    for name, broken in kinds.items():
        count = max(0, int(counts[name]) - allowed.get(name, 0))
        examples = [row.row_id for row in rows.where(broken).limit(SHOWN).collect()] if count else []
        found.append(Finding(f"rows {name}", count, tuple(examples)))
    return found


def _sum_findings(total: dict[str, int], control: int, read: int) -> list[Finding]:
    """All verdicts in the tables against all rows that the books say were read."""
    told = sum(total[name] for name in VERDICTS) + control
    return [Finding(f"rows of difference: the tables hold {told} verdicts, the books say {read} were read", abs(told - read))]


def _batch_findings(spark: SparkSession, lake: Lake, subject: Subject, books: DataFrame) -> list[Finding]:
    """Each batch's figures, counted in the tables, against its line in the books."""
    own = F.col("subject") == subject.name
    batch = ("query_id", "batch_id")
    counted = {
        "accepted": _read(spark, lake.silver(subject)),
        "duplicate": _read(spark, lake.duplicates).where(own),
        "dead_letter": _read(spark, lake.dead_letters).where(own),
    }
    compared = books.select(*batch, *VERDICTS, "unaccounted")
    for name, table in counted.items():
        sums = table.groupBy(*batch).agg(F.count("*").alias(f"_{name}"))
        compared = compared.join(sums, on=list(batch), how="full_outer")
    differs = F.col("unaccounted").isNull() | (F.col("unaccounted") != 0)
    for name in VERDICTS:
        differs |= F.coalesce(F.col(name), F.lit(0)) != F.coalesce(F.col(f"_{name}"), F.lit(0))
    wrong = [f"batch {row.batch_id} of query {row.query_id}" for row in compared.where(differs).collect()]
    return [Finding("batches whose books differ from the tables", len(wrong), tuple(wrong[:SHOWN]))]


def _file_findings(spark: SparkSession, lake: Lake, landing_root: Path, subject: Subject) -> list[Finding]:
    """Each file's rows by the ingest ledger against its rows in Bronze, and files rewritten after they were read."""
    ledger = _read(spark, lake.files).where((F.col("subject") == subject.name) & (F.col("rows") > 0))
    told = ledger.groupBy("source").agg(F.sum("rows").alias("told"))
    held = _read(spark, lake.bronze(subject)).groupBy("source").agg(F.count("*").alias("held"))
    both = told.join(held, on="source", how="full_outer").where(~F.col("told").eqNullSafe(F.col("held")))
    wrong = [row.source for row in both.collect()]
    rewritten = file_standing(lake, landing_root, subject).rewritten
    return [
        Finding("files whose rows in Bronze differ from the ingest ledger", len(wrong), tuple(wrong[:SHOWN])),
        Finding("files rewritten after they were read: drop the new content under a new name", len(rewritten), rewritten),
    ]


def _books(spark: SparkSession, lake: Lake, subject: Subject) -> DataFrame:
    return _read(spark, lake.batch_quality).where(F.col("subject") == subject.name)


def _read(spark: SparkSession, table: Table) -> DataFrame:
    """A table, or no rows of its shape where nothing was written yet."""
    if open_table(table.path) is None:
        return spark.createDataFrame(table.schema.empty_table())
    return spark.read.format("delta").load(table.path)
