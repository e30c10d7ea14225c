"""The watermark is what the books say, and follows the batches without reading them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from spark_jobs.lake import Lake
from spark_jobs.queries.books import Books, write_books
from spark_jobs.queries.watermark import Watermark

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
HOUR, DELAY = timedelta(hours=1), timedelta(minutes=10)


def write_line(lake: Lake, subject: str, batch: int, accepted_until: datetime | None) -> None:
    line = Books(
        subject=subject, query_id="q", batch_id=batch, rows_read=0, accepted=0, late=0, duplicate=0, dead_letter=0,
        control=0, reasons={}, min_event_time=accepted_until,
        max_event_time=accepted_until, watermark=None, started_at=NOON, duration_seconds=0.0, input_files=1,
        contract_fingerprint="f",
    )  # fmt: skip
    write_books(lake.batch_quality, line)


def test_it_is_the_latest_accepted_time_of_the_subjects_books_less_the_delay(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert Watermark(lake.batch_quality, "orders", DELAY).current() is None
    for batch, time in enumerate((NOON, NOON + HOUR, None, NOON - HOUR)):
        write_line(lake, "orders", batch, time)
    write_line(lake, "payments", 9, NOON + 9 * HOUR)
    assert Watermark(lake.batch_quality, "orders", DELAY).current() == NOON + HOUR - DELAY


def test_it_follows_the_batches_and_never_goes_back(tmp_path: Path) -> None:
    watermark = Watermark(Lake(tmp_path).batch_quality, "orders", DELAY)
    seen = []
    for time in (None, NOON, NOON - HOUR, None, NOON + HOUR):
        watermark.current()
        watermark.advance(time)
        seen.append(watermark.current())
    assert seen == [None, NOON - DELAY, NOON - DELAY, NOON - DELAY, NOON + HOUR - DELAY]
