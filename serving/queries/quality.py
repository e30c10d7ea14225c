"""Queries of the books: the status, each batch, by hour, by minute, and the reasons of refusals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from serving.models.quality import Minute, QualityHour, ReasonCount, Status, Targets, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.database import Row, Transaction

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
_OPEN_DEAD_LETTERS = "SELECT count(*) AS count FROM dead_letter_events WHERE status = 'open'"
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


def status(tx: Transaction, targets: Targets) -> Status:
    """Return the state of the pipeline: subjects, tables, streams, the newest gold run, and the targets."""
    open_dead_letters = tx.row(_OPEN_DEAD_LETTERS)
    assert open_dead_letters is not None
    subjects = tx.rows(_SUBJECTS)
    return Status.model_validate(
        {
            "subjects": subjects,
            "totals": _totals(subjects),
            "open_dead_letters": open_dead_letters["count"],
            "tables": tx.rows(_TABLES),
            "streams": tx.rows(_STREAMS),
            "targets": targets,
            "gold": tx.row(_GOLD),
        }
    )


def _totals(subjects: Sequence[Row]) -> Totals:
    """Add up the sums of all subjects, so that the books are read only once."""
    sums = {name: sum(each[name] for each in subjects) for name in Totals.model_fields if name != "validity"}
    validity = round(1 - sums["dead_letter"] / sums["rows_read"], 6) if sums["rows_read"] else None
    return Totals.model_validate({**sums, "validity": validity})


def books(tx: Transaction, subject: str | None, after: BooksKey | None, limit: int) -> list[Row]:
    """Return the books of batches, newest first: one more than ``limit`` where there are more."""
    at, after_subject, query, batch = after or (None, None, None, None)
    values = {"subject": subject, "at": at, "after_subject": after_subject, "query": query, "batch": batch}
    return tx.rows(_BOOKS, {**values, "limit": limit + 1})


def hours(tx: Transaction, subject: str | None, hours: int) -> list[QualityHour]:
    """Return the books by hour, oldest first: so many hours up to the newest batch's."""
    rows = tx.rows(_HOURS, {"subject": subject, "hours": hours - 1})
    return QualityHour.from_rows(rows)


def minutes(tx: Transaction, subject: str | None, minutes: int) -> list[Minute]:
    """Return the rows read by minute, oldest first: so many minutes up to the newest batch's."""
    rows = tx.rows(_MINUTES, {"subject": subject, "minutes": minutes - 1})
    return Minute.from_rows(rows)


def reasons(tx: Transaction, subject: str | None, hours: int) -> list[ReasonCount]:
    """Return how often each reason was given in the hours up to the newest batch, most frequent first."""
    rows = tx.rows(_REASONS, {"subject": subject, "hours": hours - 1})
    return ReasonCount.from_rows(rows)
