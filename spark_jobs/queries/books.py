"""The books (ops/batch_quality): the line of a batch, made of the facts in its journal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from spark_jobs.microbatch.commit import writer_name
from spark_jobs.microbatch.journal import Facts
from spark_jobs.schemas import BATCH_QUALITY, from_micros
from spark_jobs.storage.append import append_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spark_jobs.microbatch.journal import PreparedBatch
    from spark_jobs.microbatch.stream_state import BatchProgress
    from spark_jobs.storage.table import Table


#: Facts that journals have always called by another name.
JOURNAL_NAMES = {"earlier_query_until": "read_before", "knows_earlier_query": "knows_read_before"}
FACT_NAMES = {written: name for name, written in JOURNAL_NAMES.items()}


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


@dataclass(frozen=True)
class RefineFacts(Facts):
    """The facts of a refined batch. Times in epoch microseconds, ``seconds`` and ``steps`` up to the commits.

    ``effects``: what accepted changes did, by effect. ``earlier_query_until``: rows of Bronze ingested until then may have been
    judged by an earlier query (see ``duplicates.earlier_query_until``); journals of earlier releases do not know it.
    """

    rows_read: int
    input_files: int
    late: int
    control: int
    reasons: dict[str, int]
    min_event_time: int | None
    max_event_time: int | None
    watermark: int | None
    started_at: int
    seconds: float
    steps: dict[str, float]
    contract_fingerprint: str
    effects: dict[str, int] = field(default_factory=dict)
    earlier_query_until: int | None = None
    knows_earlier_query: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the plain form, which :meth:`from_json` reads back."""
        return {JOURNAL_NAMES.get(name, name): value for name, value in super().to_json().items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Return the facts of that plain form; an earlier release's know of earlier queries where they name ``read_before``."""
        known = {"knows_read_before": "read_before" in plain, **plain}
        return super().from_json({FACT_NAMES.get(name, name): value for name, value in known.items()})


def books_of_batch(
    subject: str, query: str, batch: PreparedBatch[RefineFacts], verdicts: Sequence[int], commit_seconds: float
) -> Books:
    """Return the line of a prepared batch; ``verdicts``: rows accepted, duplicate and dead-lettered, by its parts."""
    facts = batch.facts
    accepted, duplicate, dead_letter = verdicts
    return Books(
        subject=subject,
        query_id=query,
        batch_id=batch.batch_id,
        rows_read=facts.rows_read,
        accepted=accepted,
        late=facts.late,
        duplicate=duplicate,
        dead_letter=dead_letter,
        control=facts.control,
        reasons=facts.reasons,
        min_event_time=moment_or_none(facts.min_event_time),
        max_event_time=moment_or_none(facts.max_event_time),
        watermark=moment_or_none(facts.watermark),
        started_at=from_micros(facts.started_at),
        duration_seconds=facts.seconds + commit_seconds,
        input_files=facts.input_files,
        contract_fingerprint=facts.contract_fingerprint,
        effects=facts.effects,
        steps={**facts.steps, "commit": commit_seconds},
    )


def write_books(table: Table, books: Books) -> None:
    """Write the line, in one commit. Done twice, the second finds the batch's version in the table's log and does nothing."""
    parts = write_parts(table, books_row(books), subject=books.subject)
    append_once(table, parts, writer=writer_name(books.query_id, table), version=books.batch_id)


class Stopwatch:
    """Times a batch: when it began (UTC), and how many seconds each step took."""

    def __init__(self, progress: BatchProgress) -> None:
        self.started = datetime.now(UTC)
        self.steps: dict[str, float] = {}
        self._progress = progress
        self._from = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block as a step of the batch, and show it as the step under way."""
        self._progress.step(name)
        began = time.perf_counter()
        yield
        self.steps[name] = time.perf_counter() - began

    @property
    def seconds(self) -> float:
        """The seconds since the beginning."""
        return time.perf_counter() - self._from


def books_row(books: Books) -> pa.Table:
    """Return the line as the table has it."""
    row = {name: getattr(books, name, books.effects.get(name)) for name in BATCH_QUALITY.names}
    return pa.Table.from_pylist([{**row, "reasons": list(books.reasons.items())}], schema=BATCH_QUALITY)


def moment_or_none(micros: int | None) -> datetime | None:
    """Return the moment of these epoch microseconds; None for None."""
    return None if micros is None else from_micros(micros)
