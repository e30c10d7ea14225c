"""Queries of dead letters: the list, and one of them whole."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from config.escaping import LONGEST_LISTED
from serving.models.quality import WholeDeadLetter

if TYPE_CHECKING:
    from serving.database import Row, Transaction

DeadLettersKey = tuple[datetime, str]
#: The columns by which dead letters are ordered, newest first.
DEAD_LETTERS_ORDER = ("dead_lettered_at", "row_id")

#: A list shows this many reasons of each dead letter: a row may be refused for a thousand.
MAX_REASONS = 50


def _cut(name: str) -> str:
    value = f"reason ->> '{name}'"
    return f"CASE WHEN length({value}) > {LONGEST_LISTED} THEN left({value}, {LONGEST_LISTED}) || '…' ELSE {value} END"


# A detail quotes the refused value, which may be large. Postgres cuts it, or all of it would be sent.
_DEAD_LETTERS = f"""
WITH page AS MATERIALIZED (
    SELECT row_id, subject, reasons, schema_version, source, source_position, dead_lettered_at, status, attempts
    FROM dead_letter_events
    WHERE (%(subject)s::text IS NULL OR subject = %(subject)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(reason)s::jsonb IS NULL OR reasons @> %(reason)s::jsonb)
        AND (%(at)s::timestamptz IS NULL OR (dead_lettered_at, row_id) < (%(at)s::timestamptz, %(row_id)s))
    ORDER BY dead_lettered_at DESC, row_id DESC LIMIT %(limit)s
)
SELECT row_id, subject, schema_version, source, source_position, dead_lettered_at, status, attempts, shown.reasons,
    greatest(jsonb_array_length(page.reasons) - {MAX_REASONS}, 0) AS reasons_left_out
FROM page CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'code', reason -> 'code', 'field', {_cut("field")}, 'detail', {_cut("detail")}) ORDER BY n), '[]') AS reasons
    FROM jsonb_array_elements(page.reasons) WITH ORDINALITY AS each (reason, n) WHERE n <= {MAX_REASONS}
) shown ORDER BY dead_lettered_at DESC, row_id DESC
"""
_DEAD_LETTER = "SELECT * FROM dead_letter_events WHERE row_id = %(row_id)s"


def dead_letters(
    tx: Transaction,
    subject: str | None,
    reason: dict[str, str],
    status: str | None,
    after: DeadLettersKey | None,
    limit: int,
) -> list[Row]:
    """Return rows of dead letters, newest first: one more than ``limit`` where there are more.

    ``reason``: the code and the field, or one of them, that one reason of each must have; empty for all.
    """
    at, row_id = after or (None, None)
    values = {"subject": subject, "status": status, "reason": json.dumps([reason]) if reason else None}
    return tx.rows(_DEAD_LETTERS, {**values, "at": at, "row_id": row_id, "limit": limit + 1})


def dead_letter(tx: Transaction, row_id: str) -> WholeDeadLetter | None:
    """Return one dead letter whole; None where none has this ``row_id``."""
    return WholeDeadLetter.from_row(tx.row(_DEAD_LETTER, {"row_id": row_id}))
