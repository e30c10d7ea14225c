"""The books computed again from the tables themselves, row id by row id, and compared with what was booked.

For every row id: copies in Bronze = accepted + duplicates + dead letters + control, and accepted + dead letters is at most 1. A
refine checkpoint that was deleted reads Bronze again: each such reading is in the books of its own query and adds a duplicate.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.batch.audit.changes import change_findings
from spark_jobs.batch.audit.result import SHOWN, Audit, Finding
from spark_jobs.batch.audit.verdict_counts import VERDICTS, batch_counts, verdict_counts
from spark_jobs.batch.refine_progress import skipped_files, waiting_rows
from spark_jobs.lake import of_subject
from spark_jobs.landing.backlog import file_backlog
from spark_jobs.microbatch.spark_notes import has_begun, query_id
from spark_jobs.storage.scans import read_partition
from spark_jobs.storage.spark_tables import read_table
from spark_jobs.transforms.reduced_changes import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import Column, DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

FEWER = "judged, but fewer times than they lie in Bronze"
WITHOUT = "without any verdict"
SKIPPED = "files that the checkpoint counts as landed and that never were: drop them under a new name"
REWRITTEN = "files rewritten after they were read: drop the new content under a new name"


def audit_books(spark: SparkSession, lake: Lake, landing_root: Path, subject: Subject) -> Audit:
    """Recompute one subject's books from its tables: three passes of Spark over the large ones, the small ones read here."""
    books = read_partition(lake.batch_quality, of_subject(subject.name)).sort_by("started_at").to_pylist()
    rows_read = _rows_read_by_query(books)
    booked = _is_booked(lake, subject, books)
    rows = verdict_counts(spark, lake, subject, booked)
    broken = _broken_rules(max(1, len(rows_read)))
    counts = _sums(rows, broken)
    control = sum(line["control"] for line in books)
    waiting = waiting_rows(lake, subject)
    files = file_backlog(lake, landing_root, subject)
    skipped = tuple(skipped_files(lake, landing_root, subject, files.waiting))
    findings = [
        *_row_findings(rows, broken, counts, waiting),
        _sum_finding(counts, control, sum(rows_read.values())),
        _batch_finding(batch_counts(spark, lake, subject, booked), books),
        _file_finding(spark, lake, subject),
        *(change_findings(spark, lake, subject, booked) if subject.kind == "changes" else ()),
        Finding(SKIPPED, len(skipped), skipped[:SHOWN]),
        Finding(REWRITTEN, len(files.rewritten), files.rewritten[:SHOWN]),
    ]
    return Audit(
        subject=subject.name,
        bronze=counts["bronze"],
        accepted=counts["accepted"],
        duplicate=counts["duplicate"],
        dead_letter=counts["dead_letter"],
        control=control,
        waiting=waiting,
        readings=len(rows_read),
        batches=len(books),
        files_waiting=len(files.waiting),
        files_aside=len(files.aside),
        findings=tuple(finding for finding in findings if finding.count),
    )


def _rows_read_by_query(books: list[dict[str, Any]]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for line in books:
        rows[line["query_id"]] += line["rows_read"]
    return rows


def _is_booked(lake: Lake, subject: Subject, books: list[dict[str, Any]]) -> Column:
    """A condition that leaves out the batch that the current query has begun to commit and not yet booked.

    That batch is under way, or will be finished; its rows count as waiting. A batch of another query that has no line in the
    books is not left out, and so is found.
    """
    checkpoint = lake.checkpoint(subject.name, "refine")
    if not has_begun(checkpoint):
        return F.lit(True)
    current = query_id(checkpoint)
    last = max((line["batch_id"] for line in books if line["query_id"] == current), default=-1)
    return (F.col("query_id") != current) | (F.col("batch_id") <= last)


def _broken_rules(readings: int) -> dict[str, Column]:
    """Conditions that must be true of no row id, by what they find.

    A row is judged once for each of its copies, by each query that read Bronze from the start.
    """
    judged = F.col("accepted") + F.col("duplicate") + F.col("dead_letter")
    return {
        "landed twice: accepted or dead-lettered more than once": F.col("accepted") + F.col("dead_letter") > 1,
        "judged, but not in Bronze": (F.col("bronze") == 0) & (judged > 0),
        "judged more often than they were read": (F.col("bronze") > 0) & (judged > F.col("bronze") * readings),
        FEWER: (judged > 0) & (judged < F.col("bronze")),
        WITHOUT: judged == 0,
    }


def _sums(rows: DataFrame, broken: Mapping[str, Column]) -> dict[str, int]:
    """The sums of all copies and verdicts, and how many row ids break each rule."""
    sums = [F.sum(name).alias(name) for name in ("bronze", *VERDICTS)]
    counts = rows.agg(*sums, *[F.count_if(condition).alias(name) for name, condition in broken.items()]).first()
    return {name: int(count or 0) for name, count in (counts.asDict() if counts else {}).items()}


def _row_findings(
    rows: DataFrame, broken: Mapping[str, Column], counts: Mapping[str, int], waiting: int
) -> Iterator[Finding]:
    for name, condition in broken.items():
        count = max(0, counts[name] - (waiting if name in (FEWER, WITHOUT) else 0))
        examples = [row.row_id for row in rows.where(condition).limit(SHOWN).collect()] if count else []
        yield Finding(f"rows {name}", count, tuple(examples))


def _sum_finding(counts: Mapping[str, int], control: int, read: int) -> Finding:
    """All verdicts in the tables compared with all rows that the books say were read."""
    verdicts = sum(counts[name] for name in VERDICTS) + control
    return Finding(
        f"rows of difference: the tables hold {verdicts} verdicts, the books say {read} were read", abs(verdicts - read)
    )


def _batch_finding(counted: Mapping[tuple[str, int], dict[str, int]], books: list[dict[str, Any]]) -> Finding:
    """Each batch's figures in the tables compared with its line in the books, and the line with itself."""
    booked = {(line["query_id"], line["batch_id"]): line for line in books}
    wrong = [batch for batch in counted if batch not in booked]
    for batch, line in booked.items():
        same = all(line[name] == counted.get(batch, {}).get(name, 0) for name in VERDICTS)
        if not same or line["unaccounted"] or not _is_explained(line):
            wrong.append(batch)
    named = tuple(f"batch {number} of query {query}" for query, number in sorted(wrong)[:SHOWN])
    return Finding("batches whose books differ from the tables or do not balance", len(wrong), named)


def _is_explained(line: Mapping[str, Any]) -> bool:
    """True if the effects of a batch's changes add up to the changes that it accepted; events have no effects."""
    effects = [line[name] for name in EFFECTS]
    return all(count is None for count in effects) or sum(count or 0 for count in effects) == line["accepted"]


def _file_finding(spark: SparkSession, lake: Lake, subject: Subject) -> Finding:
    """Each file's rows by the ingest ledger compared with its rows in Bronze."""
    ledger: Counter[str] = Counter()
    for line in read_partition(lake.files, of_subject(subject.name)).to_pylist():
        ledger[line["source"]] += line["rows"]
    counts = read_table(spark, lake.bronze(subject)).groupBy("source").agg(F.count("*").alias("rows")).collect()
    bronze = Counter({row.source: row.rows for row in counts})
    wrong = sorted(source for source in ledger.keys() | bronze.keys() if ledger[source] != bronze[source])
    return Finding("files whose rows in Bronze differ from the ingest ledger", len(wrong), tuple(wrong[:SHOWN]))
