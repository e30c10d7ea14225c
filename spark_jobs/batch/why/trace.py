"""Traces where a row came from and what became of it, for rows named by key, row id or place in a file. Starts no Spark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from spark_jobs.batch.point_in_time.parsing import join_key
from spark_jobs.batch.why.rows import dataset_of, first_rows, wanted_rows

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One row: its place in a file, when it was read, its version, the verdict and its reasons, and the row that it repeats."""

    subject: str
    row_id: str
    key: str | None
    source: str
    position: int
    ingested_at: datetime
    version: int | None
    verdict: str
    reasons: tuple[dict[str, Any], ...]
    first_row_id: str | None
    query_id: str | None
    batch_id: int | None
    judged_at: datetime | None
    received: dict[str, str] | None
    raw: str | None
    row: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json."""
        return asdict(self)


def trace_rows(lake: Lake, subject: Subject, wanted: str) -> list[RowTrace]:
    """Trace the rows that have this key, this row id, or lie at this ``file:position``; at most 50, in the order they came.

    A key's parts are joined by ``|`` (one within a part is ``\\|``). It may be spelled in any way that reads as the same key, and
    is looked for under the names that any version gives it.
    """
    bronze = first_rows(lake.bronze(subject), wanted_rows(lake, subject, wanted))
    row_ids = pc.unique(bronze["row_id"])
    if not len(row_ids):
        return []
    these = pc.field("row_id").isin(row_ids)
    accepted = {row["row_id"]: row for row in _rows(lake.accepted(subject), these)}
    letters = {row["row_id"]: row for row in _rows(lake.dead_letters, these, subject.name)}
    repeats: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(lake.duplicates, these, subject.name):
        repeats.setdefault(row["row_id"], []).append(row)
    traces, seen = [], set()
    for row in bronze.to_pylist():
        row_id = row["row_id"]
        judged = None if row_id in seen else accepted.get(row_id) or letters.get(row_id)
        seen.add(row_id)
        traces.append(_trace(subject, row, judged, repeats.get(row_id, [])))
    return traces


def _rows(table: Table, wanted: pc.Expression, subject: str | None = None) -> list[dict[str, Any]]:
    files = dataset_of(table, subject)
    return files.to_table(filter=wanted).to_pylist() if files is not None else []


def _verdict(judged: dict[str, Any] | None, repeats: list[dict[str, Any]]) -> str:
    if judged is None:
        return "duplicate" if repeats else "waiting: landed, not yet refined"
    if "reasons" in judged:
        return "dead letter"
    return "accepted, late" if judged["late_arrival_flag"] else "accepted"


def _trace(
    subject: Subject, bronze: dict[str, Any], judged: dict[str, Any] | None, repeats: list[dict[str, Any]]
) -> RowTrace:
    """Put a row of Bronze together with its accepted row or dead letter, if any, and its duplicates."""
    known = {name: bronze[name] for name in subject.known_fields if bronze[name] is not None}
    result = judged or (repeats[0] if repeats else {})
    is_letter = judged is not None and "reasons" in judged
    return RowTrace(
        subject=subject.name,
        row_id=bronze["row_id"],
        key=_key(subject, bronze, result.get("schema_version")),
        source=bronze["source"],
        position=bronze["source_position"],
        ingested_at=bronze["ingested_at"],
        version=result.get("schema_version"),
        verdict=_verdict(judged, repeats),
        reasons=tuple(judged["reasons"]) if is_letter and judged else (),
        first_row_id=repeats[0]["first_row_id"] if judged is None and repeats else None,
        query_id=result.get("query_id"),
        batch_id=result.get("batch_id"),
        judged_at=result.get("dead_lettered_at") or result.get("processed_at"),
        received={**known, **dict(bronze["payload_rest"] or [])} if bronze["raw"] is None else None,
        raw=bronze["raw"],
        row=judged if judged is not None and not is_letter else None,
    )


def _key(subject: Subject, bronze: dict[str, Any], version: int | None) -> str | None:
    """Return the key as it came, by the names of its version; for a row not yet judged, of the highest version whose key it has."""
    contracts = subject.contracts if version is None else (subject.contract(version),)
    for contract in reversed(contracts):
        parts = [bronze[name] for name in contract.key]
        if None not in parts:
            return join_key(parts)
    return None
