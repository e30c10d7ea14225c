"""Fan out judged rows to accepted rows, duplicates and dead letters, in one pass, counted by what was written.

Runs wherever the rows are: on the driver for a small batch, in the executors' Arrow workers for a large one. Each row
goes to exactly one table, or is control.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table_writer import TableWriter
from spark_jobs.transforms.dedupe import DuplicateIndex
from spark_jobs.transforms.lateness import with_late_reason, with_lateness

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from spark_jobs.storage.table import Table
    from spark_jobs.transforms.dedupe import Duplicates


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a worker needs to know to write each row of a batch to its table. ``processed_at`` in epoch microseconds."""

    subject: str
    query_id: str
    batch_id: int
    processed_at: int
    contract_fingerprint: str
    event_time: str
    watermark: datetime | None
    refuse_late: bool
    found_duplicates: Duplicates
    accepted: Table
    duplicates: Table
    dead_letters: Table


@dataclass(slots=True)
class FanOutResult:
    """The parts that a worker wrote, and its counts: rows by reason, late and control rows, the range of accepted event times."""

    parts: list[Part] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    late: int = 0
    control: int = 0
    min_event_time: int | None = None
    max_event_time: int | None = None

    def add(self, other: FanOutResult) -> None:
        """Add another worker's result to this one."""
        self.parts += other.parts
        self.reasons += other.reasons
        self.late += other.late
        self.control += other.control
        self._widen(other.min_event_time, other.max_event_time)

    def _widen(self, low: int | None, high: int | None) -> None:
        lows = [value for value in (self.min_event_time, low) if value is not None]
        highs = [value for value in (self.max_event_time, high) if value is not None]
        self.min_event_time = min(lows, default=None)
        self.max_event_time = max(highs, default=None)

    def note_accepted(self, rows: pa.Table) -> None:
        """Take accepted rows into the count of late ones and into the range of event times."""
        bounds = pc.min_max(rows["_event_time"].cast(pa.int64())).as_py()
        self._widen(bounds["min"], bounds["max"])
        self.late += pc.sum(rows["_late"].cast(pa.int64())).as_py() or 0

    def to_json(self) -> dict[str, Any]:
        """Return the plain form in which a worker sends it to the driver."""
        return {
            "parts": [part.to_json() for part in self.parts],
            "reasons": dict(self.reasons),
            "late": self.late,
            "control": self.control,
            "min_event_time": self.min_event_time,
            "max_event_time": self.max_event_time,
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> FanOutResult:
        """Return the result of that plain form."""
        parts = [Part.from_json(part) for part in plain["parts"]]
        return cls(**{**plain, "parts": parts, "reasons": Counter(plain["reasons"])})


def fan_out(batches: Iterable[pa.RecordBatch], plan: Plan) -> FanOutResult:
    """Write judged rows (columns as :func:`transforms.judge.judge` gives) to parts of the table of their verdict."""
    subject = {"subject": plan.subject}
    accepted_rows = TableWriter(plan.accepted)
    duplicates = TableWriter(plan.duplicates, subject)
    dead_letters = TableWriter(plan.dead_letters, subject)
    result, known_duplicates = FanOutResult(), DuplicateIndex.from_duplicates(plan.found_duplicates)
    for batch in batches:
        rows = with_lateness(pa.Table.from_batches([batch]), plan.watermark)
        first = known_duplicates.first_row_ids(rows)
        verdicts = _verdicts(rows, first, refuse_late=plan.refuse_late)
        accepted = rows.filter(verdicts.accepted)
        if accepted.num_rows:
            result.note_accepted(accepted)
            accepted_rows.write(_accepted(accepted, plan))
        duplicates.write(_duplicates(rows.filter(verdicts.duplicate), first.filter(verdicts.duplicate), plan))
        refused = _with_all_reasons(rows.filter(verdicts.refused), plan)
        result.reasons += _count_reasons(refused)
        dead_letters.write(_dead_letters(refused, plan))
        result.control += pc.sum(verdicts.control.cast(pa.int64())).as_py() or 0
    result.parts = [*accepted_rows.close(), *duplicates.close(), *dead_letters.close()]
    return result


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """Four masks: of each row exactly one is true."""

    accepted: pa.Array
    duplicate: pa.Array
    refused: pa.Array
    control: pa.Array


def _verdicts(rows: pa.Table, first: pa.Array, *, refuse_late: bool) -> _Verdicts:
    control = rows["_control"].combine_chunks()
    duplicate = pc.and_(pc.is_valid(first), pc.invert(control))
    refused = pc.invert(rows["_valid"].combine_chunks())
    if refuse_late:
        refused = pc.or_(refused, rows["_late"].combine_chunks())
    refused = pc.and_(refused, pc.invert(pc.or_(duplicate, control)))
    accepted = pc.invert(pc.or_(pc.or_(duplicate, control), refused))
    return _Verdicts(accepted, duplicate, refused, control)


def _with_all_reasons(refused: pa.Table, plan: Plan) -> pa.Table:
    """Return the refused rows, with the reason late added where the policy refuses late rows."""
    if not plan.refuse_late or not refused.num_rows:
        return refused
    reasons, late = refused["_reasons"].combine_chunks(), refused["_late"].combine_chunks()
    reasons = with_late_reason(reasons, late, plan.event_time, plan.watermark)
    return refused.set_column(refused.schema.get_field_index("_reasons"), "_reasons", reasons)


def _accepted(rows: pa.Table, plan: Plan) -> pa.Table:
    size = rows.num_rows
    added = {
        "late_arrival_flag": rows["_late"],
        "query_id": pa.repeat(plan.query_id, size),
        "batch_id": pa.repeat(plan.batch_id, size),
        "processed_at": pa.repeat(pa.scalar(plan.processed_at, TIMESTAMP), size),
    }
    schema = plan.accepted.schema
    return pa.table([added[name] if name in added else rows[name] for name in schema.names], names=schema.names)


def _duplicates(rows: pa.Table, first: pa.Array, plan: Plan) -> pa.Table:
    return pa.table(
        {
            "row_id": rows["row_id"],
            "key": rows["_key"],
            "first_row_id": first,
            "source": rows["source"],
            "source_position": rows["source_position"],
            "query_id": pa.repeat(plan.query_id, rows.num_rows),
            "batch_id": pa.repeat(plan.batch_id, rows.num_rows),
        }
    )


def _dead_letters(rows: pa.Table, plan: Plan) -> pa.Table:
    size = rows.num_rows
    return pa.table(
        {
            "row_id": rows["row_id"],
            "reasons": rows["_reasons"],
            "schema_version": rows["schema_version"],
            "contract_fingerprint": pa.repeat(plan.contract_fingerprint, size),
            "payload": rows["_payload"],
            "raw": rows["raw"],
            "source": rows["source"],
            "source_position": rows["source_position"],
            "ingested_at": rows["ingested_at"],
            "query_id": pa.repeat(plan.query_id, size),
            "batch_id": pa.repeat(plan.batch_id, size),
            "dead_lettered_at": pa.repeat(pa.scalar(plan.processed_at, TIMESTAMP), size),
            "status": pa.repeat("open", size),
            "attempts": pa.repeat(pa.scalar(1, pa.int32()), size),
        }
    )


def _count_reasons(refused: pa.Table) -> Counter[str]:
    """Return how many reasons there are by ``code:field``, or ``code`` where a reason is about the whole row."""
    reasons = pc.list_flatten(refused["_reasons"])
    if not len(reasons):
        return Counter()
    codes, fields = pc.struct_field(reasons, "code"), pc.struct_field(reasons, "field")
    named = pc.binary_join_element_wise(codes, fields, ":")
    counts = pc.value_counts(pc.coalesce(named, codes))
    return Counter({item["values"]: item["counts"] for item in counts.to_pylist()})
