"""Dead letters: the list, and one of them whole."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from config.escaping import LONGEST_LISTED
from serving.models.quality import WholeDeadLetter

if TYPE_CHECKING:
    from serving.database import Questions, Row

LettersKey = tuple[datetime, str]
#: The columns by which letters are ordered, newest first.
LETTERS_ORDER = ("dead_lettered_at", "row_id")

#: Of each letter a list shows this many reasons: a row may be refused for a thousand.
REASONS = 50


def _cut(name: str) -> str:
    value = f"reason ->> '{name}'"
    return f"CASE WHEN length({value}) > {LONGEST_LISTED} THEN left({value}, {LONGEST_LISTED}) || '…' ELSE {value} END"


# A detail quotes what was refused, which may be large. Postgres cuts it, or all of it would be sent.
_LETTERS = f"""
WITH letters AS MATERIALIZED (
    SELECT row_id, subject, reasons, schema_version, source, source_position, dead_lettered_at, status, attempts
    FROM dead_letter_events
    WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(reason)s::jsonb IS NULL OR reasons @> %(reason)s::jsonb)
        AND (%(at)s::timestamptz IS NULL OR (dead_lettered_at, row_id) < (%(at)s::timestamptz, %(row_id)s))
    ORDER BY dead_lettered_at DESC, row_id DESC LIMIT %(limit)s
)
SELECT row_id, subject, schema_version, source, source_position, dead_lettered_at, status, attempts, shown.reasons,
    greatest(jsonb_array_length(letters.reasons) - {REASONS}, 0) AS reasons_left_out
FROM letters CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', reason -> 'code', 'field', {_cut("field")}, 'detail', {_cut("detail")}) ORDER BY n), '[]') AS reasons
    FROM jsonb_array_elements(letters.reasons) WITH ORDINALITY AS each (reason, n) WHERE n <= {REASONS}
) shown ORDER BY dead_lettered_at DESC, row_id DESC
"""
_LETTER = "SELECT * FROM dead_letter_events WHERE row_id = %(row_id)s"


def letters(
    ask: Questions,
    subject: str | None,
    reason: dict[str, str],
    status: str | None,
    after: LettersKey | None,
    limit: int,
) -> list[Row]:
    """Dead letters, newest first: one more than ``limit``, where there are more. ``reason``: what one of the reasons says."""
    at, row_id = after or (None, None)
    values = {"subject": subject, "status": status, "reason": json.dumps([reason]) if reason else None}
    return ask.rows(_LETTERS, {**values, "at": at, "row_id": row_id, "limit": limit + 1})


def letter(ask: Questions, row_id: str) -> WholeDeadLetter | None:
    """One of them whole; None where there is none."""
    row = ask.row(_LETTER, {"row_id": row_id})
    return WholeDeadLetter.model_validate(row) if row is not None else None
