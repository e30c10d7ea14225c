"""Refine: judge each row of Bronze once and write it to the table of its verdict; the books come last.

A batch is judged, its duplicates found, and its rows written as parts, which ``microbatch.exactly_once`` writes into the journal
and commits: Silver, duplicates, dead letters, the books. Where Spark hands over another batch than it did before, the rows that
have a verdict are left out, and the rest is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from spark_jobs.microbatch.exactly_once import ExactlyOnce, Handover
from spark_jobs.microbatch.fan_out import FanOutResult, Plan
from spark_jobs.microbatch.journal import PreparedBatch
from spark_jobs.microbatch.spark_notes import query_id
from spark_jobs.microbatch.staging import InMemory, Staging, bronze_bytes
from spark_jobs.microbatch.stream_state import BatchProgress
from spark_jobs.queries.apply_changes import AppliedChanges, BatchStamp, ChangeApplier
from spark_jobs.queries.books import Books, RefineFacts, Stopwatch, books_of_batch, moment_or_none, write_books
from spark_jobs.queries.duplicates import DuplicateFinder, earlier_query_until
from spark_jobs.queries.verdicts import without_verdict
from spark_jobs.queries.watermark import Watermark
from spark_jobs.schemas import to_micros
from spark_jobs.storage.create import added_later
from spark_jobs.storage.open_tables import open_table
from spark_jobs.transforms.conform import conform
from spark_jobs.transforms.judge import JudgeOptions, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.transforms.dedupe import Duplicates

#: Up to this many bytes of Bronze a batch is brought to the driver whole: some hundred thousand rows.
SMALL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of judging: how far the watermark lags, how far clocks may be ahead, and what becomes of late rows."""

    watermark_delay: timedelta
    clock_skew: timedelta
    refuse_late: bool

    def refuses_late(self, subject: Subject) -> bool:
        """True if late rows are dead letters. Late changes never are: without them a key's row would not be the right one."""
        return self.refuse_late and subject.kind == "events"


def judged_stream(spark: SparkSession, lake: Lake, subject: Subject, policy: Policy, max_batch_bytes: int) -> DataFrame:
    """Return Bronze as a stream of judged rows. Judging is part of its plan, which Spark analyses once, not for every batch."""
    bronze = lake.bronze(subject)
    table = open_table(bronze.path)
    rows = spark.readStream.format("delta").option("maxBytesPerTrigger", str(max_batch_bytes)).load(bronze.path)
    options = JudgeOptions(policy.clock_skew, policy.refuses_late(subject))
    return rows.transform(conform, subject, added_later(table) if table else []).transform(judge, subject, options)


RefineBatch = PreparedBatch[RefineFacts]


@dataclass(slots=True)
class Refine:
    """One subject's refine query: :meth:`process_batch` is its foreachBatch function."""

    lake: Lake
    subject: Subject
    policy: Policy
    report: Callable[[Books], None]
    progress: BatchProgress = field(default_factory=BatchProgress)
    _batches: ExactlyOnce[RefineFacts] = field(init=False)
    _watermark: Watermark = field(init=False)
    _duplicates: DuplicateFinder = field(init=False)
    _changes: ChangeApplier | None = field(default=None, init=False)
    _attempted: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        books = self.lake.batch_quality
        self._batches = ExactlyOnce(self._checkpoint, RefineFacts, self._book, self.progress, last_table=books)
        self._watermark = Watermark(books, self.subject.name, self.policy.watermark_delay)
        self._duplicates = DuplicateFinder(self.lake, self.subject, self.policy.refuses_late(self.subject))
        if self.subject.kind == "changes":
            self._changes = ChangeApplier(self.lake, self.subject)

    def process_batch(self, judged: DataFrame, batch_id: int) -> None:
        """Commit the verdicts of one batch of judged rows (see :func:`judged_stream`), once."""
        *tables, _books = self.lake.refine_tables(self.subject)
        self._batches.run_once(batch_id, lambda handover: self._prepare(judged, handover), tables)

    def _prepare(self, judged: DataFrame, handover: Handover[RefineFacts]) -> RefineBatch | None:
        """Judge the rows, find the duplicates among them, write each to the parts of its table, and apply the changes."""
        new = self._without_verdict(judged, handover)
        if new is None:
            return None
        watch = Stopwatch(self.progress)
        watermark, earlier_until = self._watermark.current(), self._earlier_until(handover)
        with watch.step("judge"):
            rows = self._judge(new, handover)
        with watch.step("duplicates"):
            found = self._duplicates.find(rows.dedupe_columns, watermark, earlier_until)
        with watch.step("write"):
            plan = self._plan(found, handover, watch.started, watermark)
            written = rows.fan_out(judged.sparkSession, plan)
        with watch.step("merge"):
            applied = self._apply_changes(written, plan)
        facts = self._facts(rows.dedupe_columns, plan, written, applied, watch, earlier_until)
        parts = (*written.parts, *applied.parts)
        return PreparedBatch(handover.number, parts, facts, handover.query, handover.source, applied.deleted_keys)

    def _without_verdict(self, judged: DataFrame, handover: Handover[RefineFacts]) -> DataFrame | None:
        """Return the rows of the batch that are still to be judged; None where there are none.

        A batch that begins where the last one ended is new as a whole. Any other was planned anew, as Spark's plan of it was
        lost: its rows are looked up.
        """
        if handover.is_next:
            return judged
        self.progress.step("look up verdicts")
        return without_verdict(self.lake, self.subject, handover.query, judged)

    def _earlier_until(self, handover: Handover[RefineFacts]) -> datetime | None:
        """Return until when rows were ingested that an earlier query may have judged: looked up once, then kept in the journal."""
        last = handover.state.last
        if last is not None and last.facts.knows_earlier_query:
            return moment_or_none(last.facts.earlier_query_until)
        return earlier_query_until(self.lake, self.subject)

    def _judge(self, judged: DataFrame, handover: Handover[RefineFacts]) -> InMemory | Staging:
        """Have Spark judge the rows: into memory where they are few, else into files beside the checkpoint.

        What failed may have failed for its width, which no size of files tells: rows of it are taken a few at a time.
        """
        again, self._attempted = self._attempted == handover.source.batch, handover.source.batch
        if not again and bronze_bytes(judged, self.lake.bronze(self.subject)) <= SMALL_BYTES:
            return InMemory(judged.toArrow())
        staging = Staging(self._checkpoint / "staging" / str(handover.number))
        staging.stage(judged, bounded=again)
        return staging

    def _plan(
        self, found: Duplicates, handover: Handover[RefineFacts], started: datetime, watermark: datetime | None
    ) -> Plan:
        return Plan(
            subject=self.subject.name,
            query_id=handover.query,
            batch_id=handover.number,
            processed_at=to_micros(started),
            contract_fingerprint=self.subject.fingerprint,
            event_time=self.subject.latest.event_time,
            watermark=watermark,
            refuse_late=self.policy.refuses_late(self.subject),
            found_duplicates=found,
            accepted=self.lake.accepted(self.subject),
            duplicates=self.lake.duplicates,
            dead_letters=self.lake.dead_letters,
        )

    def _apply_changes(self, written: FanOutResult, plan: Plan) -> AppliedChanges:
        """Compute what the accepted changes make of the current table and of history; nothing for events."""
        if self._changes is None:
            return AppliedChanges([], {}, {})
        return self._changes.apply(written.parts, BatchStamp(plan.query_id, plan.batch_id, plan.processed_at))

    def _facts(
        self,
        rows: pa.Table,
        plan: Plan,
        written: FanOutResult,
        applied: AppliedChanges,
        watch: Stopwatch,
        earlier_until: datetime | None,
    ) -> RefineFacts:
        return RefineFacts(
            rows_read=rows.num_rows,
            input_files=len(pc.unique(rows["source"])),
            late=written.late,
            control=written.control,
            reasons=dict(sorted(written.reasons.items())),
            min_event_time=written.min_event_time,
            max_event_time=written.max_event_time,
            watermark=None if plan.watermark is None else to_micros(plan.watermark),
            started_at=to_micros(watch.started),
            seconds=watch.seconds,
            steps=watch.steps,
            contract_fingerprint=plan.contract_fingerprint,
            effects=applied.effects,
            earlier_query_until=None if earlier_until is None else to_micros(earlier_until),
            knows_earlier_query=True,
        )

    def _book(self, batch: RefineBatch, seconds: float, again: bool) -> None:
        """Write the batch's line in the books, its last commit, unless it was written before; report it."""
        verdicts = (self.lake.accepted(self.subject), self.lake.duplicates, self.lake.dead_letters)
        query = batch.writer or query_id(self._checkpoint)
        books = books_of_batch(self.subject.name, query, batch, [batch.rows(table.name) for table in verdicts], seconds)
        if not again:
            self.progress.step("books")
            write_books(self.lake.batch_quality, books)
            self._watermark.advance(books.max_event_time)
        self.report(books)

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "refine")
