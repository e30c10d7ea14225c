"""Refine: Bronze rows judged once and sent on their way; the books written last.

A batch is judged, its duplicates found, its parts written, and the ledger saved; only then do commits begin: Silver, duplicates,
dead letters, the books. Killed in between, the next start commits what the ledger names and judges nothing again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.queries.merging import Merger, Merging, Stamp
from spark_jobs.queries.repeated import Repeated
from spark_jobs.queries.stream_state import Progress
from spark_jobs.schemas import BATCH_QUALITY, TIMESTAMP
from spark_jobs.sinks.attempt import prepared_by
from spark_jobs.sinks.commit import added_later, append_once, open_table
from spark_jobs.sinks.fan_out import Plan, Tally, fan_out
from spark_jobs.sinks.ledger import Ledger, Prepared, query_id
from spark_jobs.sinks.parts import write_parts
from spark_jobs.sinks.settle import resume, settle
from spark_jobs.sinks.staging import Staging, bronze_bytes
from spark_jobs.sources import history
from spark_jobs.transforms.conform import conform
from spark_jobs.transforms.judge import NARROW, Terms, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table
    from spark_jobs.transforms.dedupe import Repeats

#: Up to this much of Bronze a batch is brought to the driver whole: some hundred thousand rows.
SMALL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """How lateness and clocks are treated; as the settings say."""

    watermark_delay: timedelta
    clock_skew: timedelta
    refuse_late: bool


@dataclass(frozen=True, slots=True)
class Books:
    """One batch's line in ops/batch_quality."""

    subject: str
    query_id: str
    batch_id: int
    rows_read: int
    accepted: int
    late: int
    duplicate: int
    dead_letter: int
    control: int
    reasons: dict[str, int]
    min_event_time: datetime | None
    max_event_time: datetime | None
    watermark: datetime | None
    started_at: datetime
    duration_seconds: float
    input_files: int
    contract_fingerprint: str
    effects: dict[str, int] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Rows read, less rows that the committed files hold. Each figure is counted by itself, so this can differ from 0."""
        return self.rows_read - self.accepted - self.duplicate - self.dead_letter - self.control


def judged_stream(spark: SparkSession, lake: Lake, subject: Subject, policy: Policy, max_batch_bytes: int) -> DataFrame:
    """Bronze as a stream of judged rows. Judging is part of the stream's own plan, so it is analysed once, not for every batch."""
    bronze = lake.bronze(subject)
    table = open_table(bronze.path)
    rows = spark.readStream.format("delta").option("maxBytesPerTrigger", str(max_batch_bytes)).load(bronze.path)
    terms = Terms(policy.clock_skew, refuses_late(subject, policy))
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
    _repeated: Repeated = field(init=False)
    _merger: Merger | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._repeated = Repeated(self.lake, self.subject, self._refuses_late)
        if self.subject.kind == "changes":
            self._merger = Merger(self.lake, self.subject)

    def __call__(self, judged: DataFrame, batch_id: int) -> None:
        """Take one batch of judged rows (see :func:`judged_stream`) and commit its verdicts, once."""
        ledger = Ledger(self._checkpoint)
        prepared = resume(ledger, batch_id, self._tables, query_id(self._checkpoint))
        if prepared is None:
            prepared = prepared_by(lambda: self._prepare(judged, batch_id), ledger, self._tables)
        books = self._commit(prepared)
        self._remember(books.max_event_time)
        self.report(books)

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "refine")

    @property
    def _tables(self) -> tuple[Table, ...]:
        """What a batch is committed to, in order; the books come after these."""
        judged = (self.lake.accepted(self.subject), self.lake.duplicates, self.lake.dead_letters)
        return judged if self.subject.kind == "events" else (*judged, *self.lake.merged(self.subject))

    @property
    def _refuses_late(self) -> bool:
        return refuses_late(self.subject, self.policy)

    def _prepare(self, judged: DataFrame, batch_id: int) -> Prepared:
        clock = _Stopwatch()
        watermark = self._watermark()
        staging = Staging(self._checkpoint / "staging" / str(batch_id))
        self.progress.step("judge")
        small = bronze_bytes(judged, self.lake.bronze(self.subject)) <= SMALL_BYTES
        rows = judged.toArrow() if small else staging.take(judged)
        clock.lap("judge")
        self.progress.step("duplicates")
        found = self._repeated(rows.select(NARROW), watermark)
        clock.lap("duplicates")
        self.progress.step("write")
        plan = self._plan(found, batch_id, clock.started, watermark)
        tally = fan_out(rows.to_batches(), plan) if small else staging.fan_out(judged.sparkSession, plan)
        clock.lap("write")
        self.progress.step("merge")
        merging = self._merge(tally, plan)
        clock.lap("merge")
        facts = {**self._facts(rows, tally, watermark, clock), "gone": merging.gone, "effects": merging.effects}
        return Prepared(batch_id, (*tally.parts, *merging.parts), facts)

    def _merge(self, tally: Tally, plan: Plan) -> Merging:
        """Of changes, what they make of the current table and of history."""
        if self._merger is None:
            return Merging([], {}, {})
        return self._merger(tally.parts, Stamp(plan.query_id, plan.batch_id, plan.processed_at))

    def _plan(self, found: Repeats, batch_id: int, started: datetime, watermark: datetime | None) -> Plan:
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

    def _facts(self, rows: pa.Table, tally: Tally, watermark: datetime | None, clock: _Stopwatch) -> dict[str, Any]:
        return {
            "rows_read": rows.num_rows,
            "input_files": len(pc.unique(rows["source"])),
            "late": tally.late,
            "control": tally.control,
            "reasons": dict(sorted(tally.reasons.items())),
            "min_event_time": tally.min_event_time,
            "max_event_time": tally.max_event_time,
            "watermark": None if watermark is None else _micros(watermark),
            "started_at": _micros(clock.started),
            "seconds": clock.seconds,
            "steps": clock.laps,
            "contract_fingerprint": self.subject.fingerprint,
        }

    def _commit(self, prepared: Prepared) -> Books:
        """Make the batch visible, table by table, the books last; each append lands once however often this is run."""
        started = time.perf_counter()
        owner = query_id(self._checkpoint)
        self.progress.step("commit")
        settle(prepared, self._tables, owner)
        self.progress.step("books")
        books = self._books(prepared, owner, time.perf_counter() - started)
        parts = write_parts(self.lake.batch_quality, _books_row(books), subject=self.subject.name)
        append_once(self.lake.batch_quality, parts, writer=f"{owner}:books", version=prepared.batch_id)
        return books

    def _books(self, prepared: Prepared, owner: str, commit_seconds: float) -> Books:
        facts = prepared.facts
        return Books(
            subject=self.subject.name,
            query_id=owner,
            batch_id=prepared.batch_id,
            rows_read=facts["rows_read"],
            accepted=prepared.rows(self.lake.accepted(self.subject).name),
            late=facts["late"],
            duplicate=prepared.rows(self.lake.duplicates.name),
            dead_letter=prepared.rows(self.lake.dead_letters.name),
            control=facts["control"],
            reasons=facts["reasons"],
            min_event_time=_moment(facts["min_event_time"]),
            max_event_time=_moment(facts["max_event_time"]),
            watermark=_moment(facts["watermark"]),
            started_at=_known_moment(facts["started_at"]),
            duration_seconds=facts["seconds"] + commit_seconds,
            input_files=facts["input_files"],
            contract_fingerprint=facts["contract_fingerprint"],
            effects=facts.get("effects", {}),  # a ledger written before there were changes has none
            steps={**facts["steps"], "commit": commit_seconds},
        )

    def _watermark(self) -> datetime | None:
        """The greatest event time accepted in earlier batches, by the books, less the delay."""
        if not self._recalled:
            self._highest = history.latest(self.lake.batch_quality, self.subject.name, "max_event_time")
            self._recalled = True
        return None if self._highest is None else self._highest - self.policy.watermark_delay

    def _remember(self, accepted_until: datetime | None) -> None:
        if accepted_until is not None and (self._highest is None or accepted_until > self._highest):
            self._highest = accepted_until


class _Stopwatch:
    """When a batch began (UTC), and how many seconds each step took."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.laps: dict[str, float] = {}
        self._from = self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Book the time since the last step to this one."""
        now = time.perf_counter()
        self.laps[step] = now - self._last
        self._last = now

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._from


def _books_row(books: Books) -> pa.Table:
    row = {name: getattr(books, name, books.effects.get(name)) for name in BATCH_QUALITY.names}
    return pa.Table.from_pylist([{**row, "reasons": list(books.reasons.items())}], schema=BATCH_QUALITY)


def _micros(moment: datetime) -> int:
    return pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py()  # type: ignore[no-any-return]


def _known_moment(micros: int) -> datetime:
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _known_moment(micros)
