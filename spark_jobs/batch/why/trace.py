"""Where a row came from and what became of it: by its key, its row id, or its place in a file. Starts no Spark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from spark_jobs.batch.point_in_time.parsing import join_key
from spark_jobs.batch.why.rows import files_of, first_rows, meant

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One row's way: its place, its reading, its version, the verdict and why, and what it repeats."""

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
        """A plain form for --json."""
        return asdict(self)


def trace_rows(lake: Lake, subject: Subject, wanted: str) -> list[RowTrace]:
    """The rows that have this key, this row id, or lie at this ``file:position``; at most 50, in the order they came.

    A key's parts are join_key by ``|`` (one within a part is ``\\|``). It may be spelled in any way that reads as the same key, and
    is looked for under the names that any version gives it.
    """
    bronze = first_rows(lake.bronze(subject), meant(lake, subject, wanted))
    row_ids = pc.unique(bronze["row_id"])
    if not len(row_ids):
        return []
    these = pc.field("row_id").isin(row_ids)
    accepted = {row["row_id"]: row for row in _rows(lake.accepted(subject), these)}
    letters = {row["row_id"]: row for row in _rows(lake.dead_letters, these, subject.name)}
    repeats: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(lake.duplicates, these, subject.name):
        repeats.setdefault(row["row_id"], []).append(row)
    stories, told = [], set()
    for row in bronze.to_pylist():
        row_id = row["row_id"]
        again = row_id in told
        told.add(row_id)
        one = None if again else accepted.get(row_id) or letters.get(row_id)
        stories.append(_story(subject, row, one, repeats.get(row_id, [])))
    return stories


def _rows(table: Table, wanted: pc.Expression, subject: str | None = None) -> list[dict[str, Any]]:
    files = files_of(table, subject)
    return files.to_table(filter=wanted).to_pylist() if files is not None else []


def _story(
    subject: Subject, bronze: dict[str, Any], judged: dict[str, Any] | None, repeats: list[dict[str, Any]]
) -> RowTrace:
    verdict = "waiting: landed, not yet refined"
    if judged is not None:
        verdict = (
            "dead letter" if "reasons" in judged else ("accepted, late" if judged["late_arrival_flag"] else "accepted")
        )
    elif repeats:
        verdict = "duplicate"
    known = {name: bronze[name] for name in subject.known_fields if bronze[name] is not None}
    found = judged or (repeats[0] if repeats else {})
    is_letter = judged is not None and "reasons" in judged
    return RowTrace(
        subject=subject.name,
        row_id=bronze["row_id"],
        key=_key(subject, bronze, found.get("schema_version")),
        source=bronze["source"],
        position=bronze["source_position"],
        ingested_at=bronze["ingested_at"],
        version=found.get("schema_version"),
        verdict=verdict,
        reasons=tuple(judged["reasons"]) if is_letter and judged else (),
        first_row_id=repeats[0]["first_row_id"] if judged is None and repeats else None,
        query_id=found.get("query_id"),
        batch_id=found.get("batch_id"),
        judged_at=found.get("dead_lettered_at") or found.get("processed_at"),
        received={**known, **dict(bronze["payload_rest"] or [])} if bronze["raw"] is None else None,
        raw=bronze["raw"],
        row=judged if judged is not None and not is_letter else None,
    )


def _key(subject: Subject, bronze: dict[str, Any], version: int | None) -> str | None:
    """The key as it came, by the names that its version gives it: of a row not yet judged, the highest whose key it names."""
    contracts = subject.contracts if version is None else (subject.contract(version),)
    for contract in reversed(contracts):
        parts = [bronze[name] for name in contract.key]
        if None not in parts:
            return join_key(parts)
    return None
