"""The data quality of a report: accepted rows, dead letters and late rows, by day and by subject."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.report.arithmetic import share_of
from spark_jobs.batch.report.days import rows_of_dates, window
from spark_jobs.batch.report.figures import QualityDay, SubjectQuality
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from spark_jobs.lake import Lake


def read_quality(lake: Lake, day: date) -> tuple[tuple[QualityDay, ...], tuple[SubjectQuality, ...]]:
    """Return the trend over all subjects, and the date's own rows by subject."""
    rows = {
        (row["event_date"], row["subject"]): row
        for row in rows_of_dates(lake, "daily_error_rate", window(day), "event_date")
    }
    late = _late_rows(lake, day)
    by_day: dict[date, list[SubjectQuality]] = defaultdict(list)
    for each, subject in sorted({*rows, *late}):
        by_day[each].append(_subject_quality(subject, rows.get((each, subject), {}), late.get((each, subject))))
    batches = {each for each, _ in late}
    trend = tuple(_quality_day(each, by_day[each], batches) for each in window(day))
    return trend, tuple(by_day[day])


def _subject_quality(subject: str, row: Mapping[str, Any], late: int | None) -> SubjectQuality:
    return SubjectQuality(subject, row.get("accepted", 0), row.get("dead_letters", 0), row.get("error_rate"), late)


def _quality_day(day: date, subjects: Sequence[SubjectQuality], batches: Collection[date]) -> QualityDay:
    accepted, dead = sum(one.accepted for one in subjects), sum(one.dead_letters for one in subjects)
    late = sum(one.late or 0 for one in subjects) if day in batches else None
    if not accepted + dead:
        return QualityDay(day, None, None, None, late)
    return QualityDay(day, accepted, dead, share_of(dead, accepted + dead), late)


def _late_rows(lake: Lake, day: date) -> Counter[tuple[date, str]]:
    """Count rows accepted late by day of their batch and subject, with a zero where batches had none.

    Gold has no such count: a rebuild may judge lateness again, so only the books say what it was when the rows came.
    """
    books = open_table(lake.batch_quality.path)
    counts: Counter[tuple[date, str]] = Counter()
    if books is not None:
        first, end = (datetime(*each.timetuple()[:3], tzinfo=UTC) for each in (window(day)[0], day + timedelta(days=1)))
        within = [("started_at", ">=", first), ("started_at", "<", end)]
        for row in books.to_pyarrow_table(columns=["subject", "started_at", "late"], filters=within).to_pylist():
            counts[row["started_at"].astimezone(UTC).date(), row["subject"]] += row["late"] or 0
    return counts
