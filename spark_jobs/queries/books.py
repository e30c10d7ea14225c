"""The line that a batch has in the books, made of what its ledger says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.schemas import BATCH_QUALITY, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.microbatch.journal import Prepared


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


def booked(subject: str, owner: str, prepared: Prepared, verdicts: Sequence[int], commit_seconds: float) -> Books:
    """The line of a prepared batch; ``verdicts``: rows accepted, duplicate and dead-lettered, by its parts."""
    facts = prepared.facts
    accepted, duplicate, dead_letter = verdicts
    return Books(
        subject=subject,
        query_id=owner,
        batch_id=prepared.batch_id,
        rows_read=facts["rows_read"],
        accepted=accepted,
        late=facts["late"],
        duplicate=duplicate,
        dead_letter=dead_letter,
        control=facts["control"],
        reasons=facts["reasons"],
        min_event_time=moment(facts["min_event_time"]),
        max_event_time=moment(facts["max_event_time"]),
        watermark=moment(facts["watermark"]),
        started_at=_known_moment(facts["started_at"]),
        duration_seconds=facts["seconds"] + commit_seconds,
        input_files=facts["input_files"],
        contract_fingerprint=facts["contract_fingerprint"],
        effects=facts.get("effects", {}),  # a ledger written before there were changes has none
        steps={**facts["steps"], "commit": commit_seconds},
    )


class Stopwatch:
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


def row_of(books: Books) -> pa.Table:
    """The line as the table has it."""
    row = {name: getattr(books, name, books.effects.get(name)) for name in BATCH_QUALITY.names}
    return pa.Table.from_pylist([{**row, "reasons": list(books.reasons.items())}], schema=BATCH_QUALITY)


def micros(moment: datetime) -> int:
    """A moment as a ledger notes it: epoch microseconds."""
    return pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py()  # type: ignore[no-any-return]


def _known_moment(micros: int) -> datetime:
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]


def moment(micros: int | None) -> datetime | None:
    """The moment that a ledger notes so."""
    return None if micros is None else _known_moment(micros)
