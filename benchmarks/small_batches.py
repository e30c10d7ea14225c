"""Seconds for a batch of 1,000 rows by step, against a bare append in the same run; with nothing and with much in Silver."""

from __future__ import annotations

import shutil
import statistics
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks.arrivals import copied, running
from benchmarks.stage import SUBJECT
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage
    from spark_jobs.lake import Lake
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

BATCHES = 24
WARM = 8
PATIENCE = 60.0


def measure(stage: Stage, history: int) -> dict[str, Any]:
    """A running stream gets one file of 1,000 rows after another; the median from the file's arrival to its books."""
    landing = stage.files("small", 1_000 * BATCHES, BATCHES, fault_rate=0.02, duplicate_rate=0.05, late_rate=0.01)
    bare = _bare_appends(stage, landing)
    empty = _stream(stage, landing, 0)
    full = _stream(stage, landing, history)
    return {
        "bare_append_seconds": bare,
        "empty_silver": empty,
        f"{history}_rows_in_silver": full,
        "batch_to_bare": round(empty["seconds"] / bare, 2),
        "full_to_empty": round(full["seconds"] / empty["seconds"], 2),
    }


def _bare_appends(stage: Stage, landing: Path) -> float:
    shutil.rmtree(stage.out / "lakes" / "bare_small", ignore_errors=True)
    seconds = []
    for file in sorted((landing / SUBJECT).glob("*.csv"))[:BATCHES]:
        one = stage.out / "one" / SUBJECT
        shutil.rmtree(one, ignore_errors=True)
        one.mkdir(parents=True)
        shutil.copy(file, one)
        seconds.append(stage.bare(stage.out / "one", "bare_small", mode="append"))
    return round(statistics.median(seconds[WARM:]), 3)


def _stream(stage: Stage, landing: Path, history: int) -> dict[str, Any]:
    lake, settings = stage.lake(f"small_{history}")
    drop = stage.out / "drop"
    shutil.rmtree(drop, ignore_errors=True)
    if history:
        _lay_down(lake, stage, history)
    landed: list[IngestReport] = []
    books: list[Books] = []
    with running(stage, settings, SUBJECT, drop, landed, books):
        files = sorted((landing / SUBJECT).glob("*.csv"))[:BATCHES]
        seconds = [copied(file, drop / SUBJECT, books, PATIENCE) for file in files if _has_rows(file)]
    return _figures(seconds, landed, books)


def _has_rows(file: Path) -> bool:
    """Whether a batch will come of it: a file of a header alone brings none."""
    return sum(1 for _ in file.open("rb")) > 1


def _figures(seconds: list[float], landed: list[IngestReport], books: list[Books]) -> dict[str, Any]:
    steps = {step: round(statistics.median(line.steps[step] for line in books[WARM:]), 3) for step in books[-1].steps}
    ingest = round(statistics.median(report.seconds for report in landed[WARM:]), 3)
    return {"seconds": round(statistics.median(seconds[WARM:]), 3), "steps": {"ingest": ingest, **steps}}


def _lay_down(lake: Lake, stage: Stage, rows: int) -> None:
    """Rows of history in Silver, over the days before the batches and their day, written as the lake writes them."""
    silver = lake.silver(stage.subject)
    ensure_table(silver)
    per_day = max(1, rows // 10)
    begin = datetime(2025, 12, 23, tzinfo=UTC)
    parts = []
    for day in range(10):
        writer = TableWriter(silver)
        for at in range(0, per_day, 250_000):
            count = min(250_000, per_day - at)
            writer.write(_history_rows(silver.schema, begin + timedelta(days=day), at, count, per_day))
        parts += writer.close()
    append_once(silver, parts, writer="bench", version=0)


def _history_rows(schema: pa.Schema, day: datetime, at: int, count: int, per_day: int) -> pa.Table:
    numbers = np.arange(at, at + count)
    micros = int(day.timestamp() * 1_000_000) + numbers * (86_400_000_000 // per_day)
    names = pa.array([f"{day:%d}-{number:09d}-history" for number in numbers.tolist()])
    given: dict[str, pa.Array] = {
        "event_id": names,
        "row_id": names,
        "event_time": pa.array(micros).cast(schema.field("event_time").type),
        "event_date": pa.repeat(pa.scalar(day.date()), count),
    }
    columns = [given.get(field.name) for field in schema]
    return pa.table(
        [
            pa.nulls(count, field.type) if column is None else column
            for field, column in zip(schema, columns, strict=True)
        ],
        schema=schema,
    )
