"""Refine: Bronze rows judged once and sent on their way; the books written last.

A batch is judged, its duplicates found, its parts written, and the ledger saved; only then do commits begin: Silver, duplicates,
dead letters, the books. Killed in between, the next start commits what the ledger names and judges nothing again. Where Spark
hands over another batch than the ledger was made of, the rows that have a verdict are left out, and the rest is judged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.functions import broadcast

from spark_jobs.microbatch.fan_out import Plan, Tally, fan_out
from spark_jobs.microbatch.journal import Ledger, Prepared, prepared_by, query_id
from spark_jobs.microbatch.offsets import Handed, handed
from spark_jobs.microbatch.settle import Reached, committed_to, reached, settle, writer_of
from spark_jobs.microbatch.staging import Staging, bronze_bytes
from spark_jobs.microbatch.stream_state import Progress
from spark_jobs.queries.books import Books, Stopwatch, booked, micros, moment, row_of
from spark_jobs.queries.merging import Merger, Merging, Stamp
from spark_jobs.queries.repeated import Repeated, read_before
from spark_jobs.queries.verdicts import ASKED, have_verdicts
from spark_jobs.storage import pruned
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import added_later
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.conform import conform
from spark_jobs.transforms.judge import DEDUPE_COLUMNS, JudgeOptions, judge
from spark_jobs.transforms.lateness import watermark_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table
    from spark_jobs.transforms.dedupe import Duplicates

#: Up to this much of Bronze a batch is brought to the driver whole: some hundred thousand rows.
SMALL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """How lateness and clocks are treated; as the settings say."""

    watermark_delay: timedelta
    clock_skew: timedelta
    refuse_late: bool


def judged_stream(spark: SparkSession, lake: Lake, subject: Subject, policy: Policy, max_batch_bytes: int) -> DataFrame:
    """Bronze as a stream of judged rows. Judging is part of the stream's own plan, so it is analysed once, not for every batch."""
    bronze = lake.bronze(subject)
    table = open_table(bronze.path)
    rows = spark.readStream.format("delta").option("maxBytesPerTrigger", str(max_batch_bytes)).load(bronze.path)
    terms = JudgeOptions(policy.clock_skew, refuses_late(subject, policy))
    return rows.transform(conform, subject, added_later(table) if table else []).transform(judge, subject, terms)


def refuses_late(subject: Subject, policy: Policy) -> bool:
    """Whether late rows are dead letters. Late changes never are: without them a key would not come to what it is."""
    return policy.refuse_late and subject.kind == "events"


@dataclass(slots=True)
class Refine:
    """The foreachBatch function of one subject's refine query."""

    lake: Lake
    subject: Subject
    policy: Policy
    report: Callable[[Books], None]
    progress: Progress = field(default_factory=Progress)
    _highest: datetime | None = field(default=None, init=False)
    _recalled: bool = field(default=False, init=False)
    _reached: Reached | None = field(default=None, init=False)
    _tried: int | None = field(default=None, init=False)
    _repeated: Repeated = field(init=False)
    _merger: Merger | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._repeated = Repeated(self.lake, self.subject, self._refuses_late)
        if self.subject.kind == "changes":
            self._merger = Merger(self.lake, self.subject)

    def __call__(self, judged: DataFrame, batch_id: int) -> None:
        """Take one batch of judged rows (see :func:`judged_stream`) and commit its verdicts, once."""
        at_hand = handed(self._checkpoint, batch_id)
        self._reached = so_far = self._reached or self._finish(at_hand)
        rows = self._without_verdict(judged, at_hand, so_far)
        if rows is None:
            return
        self._reached = None  # known again once this batch is committed: whatever fails in between, the ledger is asked
        prepared = prepared_by(lambda: self._prepare(rows, so_far, at_hand), self._ledger, self._tables)
        self._tell(self._commit(prepared))
        self._reached = Reached(prepared, prepared.batch_id)

    def _finish(self, at_hand: Handed) -> Reached:
        """Commit what the ledger says is still to be committed: asked at the first batch, and after a failure."""
        so_far = reached(self._ledger, (*self._tables, self.lake.batch_quality), query_id(self._checkpoint))
        last = so_far.prepared
        if last is not None:
            owner = last.facts.get("query_id", query_id(self._checkpoint))
            if not committed_to(last.batch_id, (self.lake.batch_quality,), owner):
                self._tell(self._commit(last))
                return so_far
            # The books came last, and yet an entry of another table may have been lost since.
            settle(last, self._tables, owner)
            if at_hand.is_the(so_far.made_of):
                self.report(self._books(last, owner, 0.0))
        return so_far

    def _without_verdict(self, judged: DataFrame, at_hand: Handed, so_far: Reached) -> DataFrame | None:
        """The rows of the batch that are still to be judged; None where there are none.

        A batch that begins where the last one ended is new as a whole. Any other was planned anew, as Spark's plan of it was
        lost: its rows are looked up.
        """
        if so_far.is_new or at_hand.follows(so_far.made_of):
            return judged
        if at_hand.is_the(so_far.made_of):
            return None
        self.progress.step("look up verdicts")
        rows = judged.select(*ASKED).toArrow()
        known = have_verdicts(self.lake, self.subject, query_id(self._checkpoint), rows)
        count = pc.sum(known).as_py() or 0
        if count == rows.num_rows:
            return None
        return judged if not count else _but(judged, rows.filter(known))

    def _tell(self, books: Books) -> None:
        self._remember(books.max_event_time)
        self.report(books)

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "refine")

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self._checkpoint)

    @property
    def _tables(self) -> tuple[Table, ...]:
        """What a batch is committed to, in order; the books come after these."""
        judged = (self.lake.accepted(self.subject), self.lake.duplicates, self.lake.dead_letters)
        return judged if self.subject.kind == "events" else (*judged, *self.lake.merged(self.subject))

    @property
    def _refuses_late(self) -> bool:
        return refuses_late(self.subject, self.policy)

    def _prepare(self, judged: DataFrame, so_far: Reached, at_hand: Handed) -> Prepared:
        clock = Stopwatch()
        batch_id, read_before = so_far.next_number(at_hand.batch), self._read_before(so_far)
        watermark = self._watermark()
        staging = Staging(self._checkpoint / "staging" / str(batch_id))
        self.progress.step("judge")
        again, self._tried = self._tried == at_hand.batch, at_hand.batch
        # What failed may have failed for its width, which no size of files tells: rows of it are taken a few at a time.
        small = not again and bronze_bytes(judged, self.lake.bronze(self.subject)) <= SMALL_BYTES
        rows = judged.toArrow() if small else staging.take(judged, bounded=again)
        clock.lap("judge")
        self.progress.step("duplicates")
        found = self._repeated(rows.select(DEDUPE_COLUMNS), watermark, read_before)
        clock.lap("duplicates")
        self.progress.step("write")
        plan = self._plan(found, batch_id, clock.started, watermark)
        tally = fan_out(rows.to_batches(), plan) if small else staging.fan_out(judged.sparkSession, plan)
        clock.lap("write")
        self.progress.step("merge")
        merging = self._merge(tally, plan)
        clock.lap("merge")
        facts = {
            **self._facts(rows, tally, watermark, clock),
            "gone": merging.gone,
            "effects": merging.effects,
            "query_id": plan.query_id,
            "made_of": at_hand.to_json(),
            "read_before": None if read_before is None else micros(read_before),
        }
        return Prepared(batch_id, (*tally.parts, *merging.parts), facts)

    def _read_before(self, so_far: Reached) -> datetime | None:
        """Up to which reading another query may have judged Bronze: asked once, and then carried from ledger to ledger."""
        known = {} if so_far.prepared is None else so_far.prepared.facts
        return moment(known["read_before"]) if "read_before" in known else read_before(self.lake, self.subject)

    def _merge(self, tally: Tally, plan: Plan) -> Merging:
        """Of changes, what they make of the current table and of history."""
        if self._merger is None:
            return Merging([], {}, {})
        return self._merger(tally.parts, Stamp(plan.query_id, plan.batch_id, plan.processed_at))

    def _plan(self, found: Duplicates, batch_id: int, started: datetime, watermark: datetime | None) -> Plan:
        return Plan(
            subject=self.subject.name,
            query_id=query_id(self._checkpoint),
            batch_id=batch_id,
            processed_at=int(started.timestamp() * 1_000_000),
            contract_fingerprint=self.subject.fingerprint,
            event_time=self.subject.latest.event_time,
            watermark=watermark,
            refuse_late=self._refuses_late,
            repeats=found,
            accepted=self.lake.accepted(self.subject),
            duplicates=self.lake.duplicates,
            dead_letters=self.lake.dead_letters,
        )

    def _facts(self, rows: pa.Table, tally: Tally, watermark: datetime | None, clock: Stopwatch) -> dict[str, Any]:
        return {
            "rows_read": rows.num_rows,
            "input_files": len(pc.unique(rows["source"])),
            "late": tally.late,
            "control": tally.control,
            "reasons": dict(sorted(tally.reasons.items())),
            "min_event_time": tally.min_event_time,
            "max_event_time": tally.max_event_time,
            "watermark": None if watermark is None else micros(watermark),
            "started_at": micros(clock.started),
            "seconds": clock.seconds,
            "steps": clock.laps,
            "contract_fingerprint": self.subject.fingerprint,
        }

    def _commit(self, prepared: Prepared) -> Books:
        """Make the batch visible, table by table, the books last; each append lands once however often this is run."""
        started = time.perf_counter()
        owner = prepared.facts.get("query_id", query_id(self._checkpoint))
        self.progress.step("commit")
        settle(prepared, self._tables, owner)
        self.progress.step("books")
        books = self._books(prepared, owner, time.perf_counter() - started)
        parts = write_parts(self.lake.batch_quality, row_of(books), subject=self.subject.name)
        append_once(
            self.lake.batch_quality, parts, writer=writer_of(owner, self.lake.batch_quality), version=prepared.batch_id
        )
        return books

    def _books(self, prepared: Prepared, owner: str, commit_seconds: float) -> Books:
        verdicts = (self.lake.accepted(self.subject), self.lake.duplicates, self.lake.dead_letters)
        return booked(
            self.subject.name, owner, prepared, [prepared.rows(table.name) for table in verdicts], commit_seconds
        )

    def _watermark(self) -> datetime | None:
        """The greatest event time accepted in earlier batches, by the books, less the delay."""
        if not self._recalled:
            self._highest = pruned.latest(self.lake.batch_quality, self.subject.name, "max_event_time")
            self._recalled = True
        return watermark_of(self._highest, self.policy.watermark_delay)

    def _remember(self, accepted_until: datetime | None) -> None:
        if accepted_until is not None and (self._highest is None or accepted_until > self._highest):
            self._highest = accepted_until


def _but(judged: DataFrame, rows: pa.Table) -> DataFrame:
    """The batch without these rows, told by their readings and positions."""
    seats = judged.sparkSession.createDataFrame(rows.select(["ingested_at", "source_position"]))
    left = judged.join(broadcast(seats), ["ingested_at", "source_position"], "left_anti")
    return left.select(*judged.columns)
