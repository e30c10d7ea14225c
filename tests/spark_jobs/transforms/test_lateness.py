"""The watermark, and the rows that are late by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.lateness import watermark_of, with_lateness

MARK = datetime(2026, 1, 5, 11, tzinfo=UTC)


def test_a_watermark_begins_no_earlier_than_time_does() -> None:
    first, day = datetime.min.replace(tzinfo=UTC), timedelta(days=1)
    assert watermark_of(None, day) is None
    assert watermark_of(first + day / 2, day) == watermark_of(first, day) == first
    assert watermark_of(datetime.max.replace(tzinfo=UTC), day) == datetime.max.replace(tzinfo=UTC) - day


def test_a_row_is_late_if_it_is_older_than_the_watermark_by_a_microsecond() -> None:
    tick = timedelta(microseconds=1)
    times = pa.table({"_event_time": pa.array([MARK - tick, MARK, MARK + tick, None], TIMESTAMP)})
    assert with_lateness(times, MARK)["_late"].to_pylist() == [True, False, False, False]
    assert with_lateness(times, None)["_late"].to_pylist() == [False] * 4
    assert with_lateness(times.slice(0, 0), MARK)["_late"].to_pylist() == []
