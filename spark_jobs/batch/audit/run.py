"""The audit: the books computed again from the tables themselves, row id by row id, and held against what was booked.

For every row id: copies in Bronze = accepted + duplicates + dead letters + control, and accepted + dead letters is at most 1. A
refine checkpoint that was deleted reads Bronze again: each such reading is in the books of its own query and adds a duplicate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.batch.audit.changes import change_findings
from spark_jobs.batch.audit.finding import SHOWN, Finding
from spark_jobs.batch.refine_progress import passed_over, waiting_rows
from spark_jobs.batch.tables import read
from spark_jobs.landing.backlog import file_backlog
from spark_jobs.microbatch.journal import query_id
from spark_jobs.storage.counts import own_rows
from spark_jobs.transforms.reduced_changes import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import Column, DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

VERDICTS = ("accepted", "duplicate", "dead_letter")
FEWER = "judged, but fewer times than they lie in Bronze"
WITHOUT = "without any verdict"
PASSED_OVER = "files that the checkpoint counts as landed and that never were: drop them under a new name"
REWRITTEN = "files rewritten after they were read: drop the new content under a new name"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the tables say of one subject.

    ``waiting``: rows landed that lie beyond what refine has read; a row before that without a verdict is a finding.
    ``files_waiting``: files not yet landed. ``files_aside``: what lies in the landing folder and may not be read; it holds no row
    that was read, so the books are whole.
    """

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
    files_aside: int = 0
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
    """Recompute one subject's books from its tables: three passes of Spark over the large ones, the small ones read here."""
    books = own_rows(lake.batch_quality, subject.name).sort_by("started_at").to_pylist()
    read_by_query: dict[str, int] = {}
    for line in books:
        read_by_query[line["query_id"]] = read_by_query.get(line["query_id"], 0) + line["rows_read"]
    booked = _is_booked(lake, subject, books)
    rows = verdicts(spark, lake, subject, booked)
    broken = _broken(max(1, len(read_by_query)))
    counts = _counts(rows, broken)
    control = sum(line["control"] for line in books)
    waiting = waiting_rows(lake, subject)
    standing = file_backlog(lake, landing_root, subject)
    unread = tuple(passed_over(lake, landing_root, subject, standing.waiting))
    findings = [
        *_row_findings(rows, broken, counts, waiting),
        _sum_finding(counts, control, sum(read_by_query.values())),
        _batch_finding(_counted_batches(spark, lake, subject, booked), books),
        _file_finding(spark, lake, subject),
        *(change_findings(spark, lake, subject, booked) if subject.kind == "changes" else ()),
        Finding(PASSED_OVER, len(unread), unread[:SHOWN]),
        Finding(REWRITTEN, len(standing.rewritten), standing.rewritten[:SHOWN]),
    ]
    return Audit(
        subject=subject.name,
        bronze=counts["bronze"],
        accepted=counts["accepted"],
        duplicate=counts["duplicate"],
        dead_letter=counts["dead_letter"],
        control=control,
        waiting=waiting,
        readings=len(read_by_query),
        batches=len(books),
        files_waiting=len(standing.waiting),
        files_aside=len(standing.aside),
        findings=tuple(finding for finding in findings if finding.count),
    )


def verdicts(spark: SparkSession, lake: Lake, subject: Subject, booked: Column | None = None) -> DataFrame:
    """One row per row id: its copies in Bronze, and how often it was accepted, a duplicate, a dead letter.

    ``booked``: which batches to count; all of them where it is not given.
    """
    judged = _judged(spark, lake, subject, F.lit(True) if booked is None else booked)
    letters = judged["dead_letter"].where(F.col("status") != "resolved")
    tables = {"bronze": read(spark, lake.bronze(subject)), **judged, "dead_letter": letters}
    counted = [
        table.select("row_id", *[F.lit(int(name == other)).alias(other) for other in tables])
        for name, table in tables.items()
    ]
    union = counted[0]
    for more in counted[1:]:
        union = union.unionByName(more)
    return union.groupBy("row_id").agg(*[F.sum(name).alias(name) for name in tables])


def _judged(spark: SparkSession, lake: Lake, subject: Subject, booked: Column) -> dict[str, DataFrame]:
    """The subject's rows by verdict."""
    own = F.col("subject") == subject.name
    return {
        "accepted": read(spark, lake.accepted(subject)).where(booked),
        "duplicate": read(spark, lake.duplicates).where(own & booked),
        "dead_letter": read(spark, lake.dead_letters).where(own & booked),
    }


def _is_booked(lake: Lake, subject: Subject, books: list[dict[str, Any]]) -> Column:
    """Leaves out the batch that the current query has begun to commit and not yet booked: it is under way, or will be finished.

    Its rows count as waiting. What another query left without books is no such batch, and is found.
    """
    checkpoint = lake.checkpoint(subject.name, "refine")
    if not (checkpoint / "metadata").exists():
        return F.lit(True)
    current = query_id(checkpoint)
    last = max((line["batch_id"] for line in books if line["query_id"] == current), default=-1)
    return (F.col("query_id") != current) | (F.col("batch_id") <= last)


def _broken(readings: int) -> dict[str, Column]:
    """What must hold of no row id. A row is judged once for each of its copies, by each query that read Bronze from the start."""
    judged = F.col("accepted") + F.col("duplicate") + F.col("dead_letter")
    return {
        "landed twice: accepted or dead-lettered more than once": F.col("accepted") + F.col("dead_letter") > 1,
        "judged, but not in Bronze": (F.col("bronze") == 0) & (judged > 0),
        "judged more often than they were read": (F.col("bronze") > 0) & (judged > F.col("bronze") * readings),
        FEWER: (judged > 0) & (judged < F.col("bronze")),
        WITHOUT: judged == 0,
    }


def _counts(rows: DataFrame, broken: dict[str, Column]) -> dict[str, int]:
    sums = [F.sum(name).alias(name) for name in ("bronze", *VERDICTS)]
    counts = rows.agg(*sums, *[F.count_if(condition).alias(name) for name, condition in broken.items()]).first()
    return {name: int(count or 0) for name, count in (counts.asDict() if counts else {}).items()}


def _row_findings(
    rows: DataFrame, broken: dict[str, Column], counts: dict[str, int], waiting: int
) -> Iterator[Finding]:
    for name, condition in broken.items():
        count = max(0, counts[name] - (waiting if name in (FEWER, WITHOUT) else 0))
        examples = [row.row_id for row in rows.where(condition).limit(SHOWN).collect()] if count else []
        yield Finding(f"rows {name}", count, tuple(examples))


def _sum_finding(counts: dict[str, int], control: int, read: int) -> Finding:
    """All verdicts in the tables against all rows that the books say were read."""
    told = sum(counts[name] for name in VERDICTS) + control
    return Finding(
        f"rows of difference: the tables hold {told} verdicts, the books say {read} were read", abs(told - read)
    )


def _counted_batches(
    spark: SparkSession, lake: Lake, subject: Subject, booked: Column
) -> dict[tuple[str, int], dict[str, int]]:
    """Rows of each batch by verdict, counted in the tables."""
    tables = _judged(spark, lake, subject, booked)
    sides = [table.select(F.lit(name).alias("verdict"), "query_id", "batch_id") for name, table in tables.items()]
    union = sides[0].unionByName(sides[1]).unionByName(sides[2])
    found: dict[tuple[str, int], dict[str, int]] = {}
    for row in union.groupBy("verdict", "query_id", "batch_id").agg(F.count("*").alias("rows")).collect():
        found.setdefault((row.query_id, row.batch_id), {})[row.verdict] = row.rows
    return found


def _batch_finding(counted: dict[tuple[str, int], dict[str, int]], books: list[dict[str, Any]]) -> Finding:
    """Each batch's figures in the tables against its line in the books, and the line against itself."""
    booked = {(line["query_id"], line["batch_id"]): line for line in books}
    wrong = [batch for batch in counted if batch not in booked]
    for batch, line in booked.items():
        same = all(line[name] == counted.get(batch, {}).get(name, 0) for name in VERDICTS)
        if not same or line["unaccounted"] or _is_unexplained(line):
            wrong.append(batch)
    named = tuple(f"batch {number} of query {query}" for query, number in sorted(wrong)[:SHOWN])
    return Finding("batches whose books differ from the tables or do not balance", len(wrong), named)


def _is_unexplained(line: dict[str, Any]) -> bool:
    """Whether the changes that a batch accepted are not all told by what they did."""
    told = [line[name] for name in EFFECTS]
    return any(count is not None for count in told) and sum(count or 0 for count in told) != line["accepted"]


def _file_finding(spark: SparkSession, lake: Lake, subject: Subject) -> Finding:
    """Each file's rows by the ingest ledger against its rows in Bronze."""
    told: dict[str, int] = {}
    for line in own_rows(lake.files, subject.name).to_pylist():
        told[line["source"]] = told.get(line["source"], 0) + line["rows"]
    counts = read(spark, lake.bronze(subject)).groupBy("source").agg(F.count("*").alias("rows")).collect()
    held = {row.source: row.rows for row in counts}
    wrong = sorted(source for source in told.keys() | held.keys() if told.get(source, 0) != held.get(source, 0))
    return Finding("files whose rows in Bronze differ from the ingest ledger", len(wrong), tuple(wrong[:SHOWN]))
