"""Where a row came from and what became of it: by its key, its row id, or its place in a file. Starts no Spark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from spark_jobs.sinks.commit import open_table

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table

MOST = 50


@dataclass(frozen=True, slots=True)
class Story:
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


def why(lake: Lake, subject: Subject, wanted: str) -> list[Story]:
    """The rows that have this key, this row id, or lie at this ``file:position``; at most 50, in the order they came."""
    bronze = _bronze(lake, subject, wanted).sort_by("ingested_at").slice(0, MOST)
    row_ids = pc.unique(bronze["row_id"])
    if not len(row_ids):
        return []
    accepted = {row["row_id"]: row for row in _rows(lake.accepted(subject), pc.field("row_id").isin(row_ids))}
    letters = {row["row_id"]: row for row in _rows(lake.dead_letters, pc.field("row_id").isin(row_ids))}
    repeats: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(lake.duplicates, pc.field("row_id").isin(row_ids)):
        repeats.setdefault(row["row_id"], []).append(row)
    stories, told = [], set()
    for row in bronze.to_pylist():
        row_id = row["row_id"]
        again = row_id in told
        told.add(row_id)
        one = None if again else accepted.get(row_id) or letters.get(row_id)
        stories.append(_story(subject, row, one, repeats.get(row_id, [])))
    return stories


def _bronze(lake: Lake, subject: Subject, wanted: str) -> pa.Table:
    """The Bronze rows that are meant: by the key's own text as received, by row id, by change id, or by place."""
    table = lake.bronze(subject)
    meant = pc.field("row_id") == wanted
    if len(subject.latest.key) == 1:
        meant |= pc.field(subject.latest.key[0]) == wanted
    if subject.kind == "changes":
        meant |= pc.field("change_id") == wanted
    source, _, position = wanted.rpartition(":")
    if source and position.isdigit():
        meant |= (pc.field("source") == source) & (pc.field("source_position") == int(position))
    return _scan(table, meant)


def _scan(table: Table, meant: pc.Expression) -> pa.Table:
    found = open_table(table.path)
    if found is None:
        return table.schema.empty_table()
    adds = pa.table(found.get_add_actions(flatten=True))
    paths = [str(Path(table.path) / unquote(path)) for path in adds["path"].to_pylist()] if adds.num_rows else []
    if not paths:
        return table.data_schema.empty_table()
    return pads.dataset(paths, schema=table.data_schema, format="parquet").to_table(filter=meant)


def _rows(table: Table, meant: pc.Expression) -> list[dict[str, Any]]:
    return _scan(table, meant).to_pylist()  # type: ignore[no-any-return]


def _story(
    subject: Subject, bronze: dict[str, Any], judged: dict[str, Any] | None, repeats: list[dict[str, Any]]
) -> Story:
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
    return Story(
        subject=subject.name,
        row_id=bronze["row_id"],
        key="|".join(bronze[name] or "" for name in subject.latest.key) if bronze["raw"] is None else None,
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
