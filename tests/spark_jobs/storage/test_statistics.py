"""Bounds span all that was written, and never cut it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.tables_by_day import FIRST, NOON, rows, table_at

from spark_jobs.storage.table_writer import TableWriter, write_parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("at", "low", "high"),
    [
        (NOON, "2026-01-29T12:00:00.000Z", "2026-01-29T12:00:00.000Z"),
        (NOON + timedelta(microseconds=1), "2026-01-29T12:00:00.000Z", "2026-01-29T12:00:00.001Z"),
        (NOON + timedelta(microseconds=1000), "2026-01-29T12:00:00.001Z", "2026-01-29T12:00:00.001Z"),
        (datetime(1, 1, 2, tzinfo=UTC), "0001-01-02T00:00:00.000Z", "0001-01-02T00:00:00.000Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        (None, None, None),
    ],
)
def test_a_times_bounds_have_milliseconds_and_never_cut_it(
    tmp_path: Path, at: datetime | None, low: str | None, high: str | None
) -> None:
    (part,) = write_parts(table_at(tmp_path), rows(FIRST, at=at))
    stats = json.loads(part.stats)
    assert stats["numRecords"] == 1
    assert (stats["minValues"].get("at"), stats["maxValues"].get("at")) == (low, high)
    assert (stats["minValues"]["n"], stats["maxValues"]["row_id"]) == (0, "r0")


def test_bounds_span_all_that_was_written(tmp_path: Path) -> None:
    writer = TableWriter(table_at(tmp_path))
    for hours in (5, 1, 9):
        writer.write(rows(FIRST, FIRST, at=NOON + timedelta(hours=hours)))
    (part,) = writer.close()
    stats = json.loads(part.stats)
    assert (stats["minValues"]["at"], stats["maxValues"]["at"]) == (
        "2026-01-29T13:00:00.000Z",
        "2026-01-29T21:00:00.000Z",
    )
    assert (part.rows, stats["minValues"]["n"], stats["maxValues"]["n"]) == (6, 0, 1)
