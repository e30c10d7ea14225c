"""The books, and what is read from them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from serving.models.quality import (
    Batch,
    GoldRun,
    Minute,
    QualityHour,
    ReasonCount,
    Status,
    TableStatus,
    Targets,
    Totals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.database import Questions, Row

BooksKey = tuple[datetime, str, str, int]
#: The columns by which books are ordered, newest first.
BOOKS_ORDER = ("started_at", "subject", "query_id", "batch_id")

_SUBJECTS = """
WITH sums AS (
    SELECT subject, sum(batches)::bigint AS batches, sum(rows_read)::bigint AS rows_read, sum(accepted)::bigint AS accepted,
        sum(late)::bigint AS late, sum(duplicate)::bigint AS duplicate, sum(dead_letter)::bigint AS dead_letter,
        sum(control)::bigint AS control, sum(unaccounted)::bigint AS unaccounted,
        round(1 - sum(dead_letter) / nullif(sum(rows_read), 0), 6) AS validity, max(max_event_time) AS max_event_time
    FROM quality_by_hour GROUP BY subject
)
SELECT sums.*, newest.watermark, newest.duration_seconds AS last_duration_seconds,
    newest.started_at + newest.duration_seconds * interval '1 second' AS last_batch_at
FROM sums JOIN newest_batches newest ON newest.subject = sums.subject ORDER BY sums.subject
"""
_OPEN = "SELECT count(*) AS letters FROM dead_letter_events WHERE status = 'open'"
_TABLES = """
SELECT lake_table, table_name AS table, version, rows_written, rows_deleted, published_at, lake_committed_at,
    extract(epoch FROM published_at - lake_committed_at) AS lag_seconds
FROM published_tables ORDER BY lake_table
"""
_STREAMS = (
    "SELECT subject, query, state, since, failures, error, step, heard_at FROM stream_state ORDER BY subject, query"
)
_GOLD = """
SELECT run_number, command, status, started_at, started_at + runtime_seconds * interval '1 second' AS finished_at,
    jsonb_array_length(dates_built) AS dates_built, jsonb_array_length(dates_held) AS dates_held
FROM gold_runs ORDER BY run_number DESC LIMIT 1
"""
_BOOKS = """
SELECT *, coalesce(control, 0) AS control, round(1 - dead_letter::numeric / nullif(rows_read, 0), 6) AS validity,
    coalesce(reasons, '{}') AS reasons
FROM data_quality_metrics
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
    AND (%(at)s::timestamptz IS NULL OR (started_at, subject, query_id, batch_id)
        < (%(at)s::timestamptz, %(after_subject)s, %(query)s, %(batch)s::bigint))
ORDER BY started_at DESC, subject DESC, query_id DESC, batch_id DESC LIMIT %(limit)s
"""
_SINCE = """
started_at >= (SELECT date_trunc('hour', max(started_at), 'UTC') FROM newest_batches) - %(hours)s * interval '1 hour'
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
"""
_HOURS = """
SELECT * FROM v_data_quality_dashboard
WHERE hour >= (SELECT date_trunc('hour', max(started_at), 'UTC') FROM newest_batches) - %(hours)s * interval '1 hour'
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
ORDER BY hour, subject
"""
_MINUTES = """
WITH newest AS (SELECT date_trunc('minute', max(started_at), 'UTC') AS minute FROM newest_batches),
minutes AS (
    SELECT generate_series(minute - %(minutes)s * interval '1 minute', minute, '1 minute') AS minute
    FROM newest WHERE minute IS NOT NULL
)
SELECT minute, count(m.batch_id) AS batches, coalesce(sum(rows_read), 0)::bigint AS rows_read,
    coalesce(sum(accepted), 0)::bigint AS accepted, coalesce(sum(late), 0)::bigint AS late,
    coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(dead_letter), 0)::bigint AS dead_letter
FROM minutes LEFT JOIN data_quality_metrics m
    ON started_at >= minute AND started_at < minute + interval '1 minute'
    AND (%(subject)s::text IS NULL OR subject = %(subject)s)
GROUP BY minute ORDER BY minute
"""
_REASONS = f"""
WITH books AS (SELECT rows_read, reasons FROM data_quality_metrics WHERE {_SINCE}),
total AS (SELECT sum(rows_read) AS rows_read FROM books)
SELECT split_part(key, ':', 1) AS code, nullif(substring(key FROM position(':' IN key || ':') + 1), '') AS field,
    sum(value::bigint)::bigint AS rows, round(sum(value::bigint) / nullif((SELECT rows_read FROM total), 0), 6) AS share
FROM books CROSS JOIN LATERAL jsonb_each_text(coalesce(reasons, '{{}}')) GROUP BY key ORDER BY rows DESC, key
"""


def status(ask: Questions, targets: Targets) -> Status:
    """The pipeline at a glance."""
    gold = ask.row(_GOLD)
    letters = ask.row(_OPEN)
    assert letters is not None
    subjects = ask.rows(_SUBJECTS)
    return Status.model_validate(
        {
            "subjects": subjects,
            "totals": _totals(subjects),
            "open_dead_letters": letters["letters"],
            "tables": [TableStatus.model_validate(row) for row in ask.rows(_TABLES)],
            "streams": ask.rows(_STREAMS),
            "targets": targets,
            "gold": GoldRun.model_validate(gold) if gold is not None else None,
        }
    )


def _totals(subjects: Sequence[Row]) -> Totals:
    """All subjects together, out of their sums: adding up all books once is enough."""
    sums = {name: sum(each[name] for each in subjects) for name in Totals.model_fields if name != "validity"}
    validity = round(1 - sums["dead_letter"] / sums["rows_read"], 6) if sums["rows_read"] else None
    return Totals.model_validate({**sums, "validity": validity})


def books(ask: Questions, subject: str | None, after: BooksKey | None, limit: int) -> list[dict[str, object]]:
    """The books, newest first: one more than ``limit``, where there are more."""
    at, after_subject, query, batch = after or (None, None, None, None)
    values = {"subject": subject, "at": at, "after_subject": after_subject, "query": query, "batch": batch}
    return ask.rows(_BOOKS, {**values, "limit": limit + 1})


def hours(ask: Questions, subject: str | None, hours: int) -> list[QualityHour]:
    """The books by hour, back from the newest batch's, oldest first."""
    rows = ask.rows(_HOURS, {"subject": subject, "hours": hours - 1})
    return [QualityHour.model_validate(row) for row in rows]


def minutes(ask: Questions, subject: str | None, minutes: int) -> list[Minute]:
    """What was read in each minute, back from the newest batch's, oldest first."""
    rows = ask.rows(_MINUTES, {"subject": subject, "minutes": minutes - 1})
    return [Minute.model_validate(row) for row in rows]


def reasons(ask: Questions, subject: str | None, hours: int) -> list[ReasonCount]:
    """Why rows were refused, most frequent first."""
    rows = ask.rows(_REASONS, {"subject": subject, "hours": hours - 1})
    return [ReasonCount.model_validate(row) for row in rows]


def batch(row: dict[str, object]) -> Batch:
    """The books of a batch out of its row."""
    return Batch.model_validate(row)
