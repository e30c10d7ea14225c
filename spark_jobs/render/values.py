"""Values as text: times in UTC, numbers grouped by thousands, and what JSON has no form for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

#: Sentences with names and values of rows in them are shown up to this many characters.
LONGEST = 600


def moment_text(value: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def exact_text(value: Any) -> str:
    """Return a value with nothing rounded or grouped: a decimal with its scale, a time in UTC with its microseconds."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"
    return str(to_json_value(value)) if isinstance(value, date | Decimal) else str(value)


def cell_text(value: Any) -> str:
    """Return a value as a cell of a table: whole numbers grouped by thousands, others with one decimal, times to the second."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return moment_text(value) if isinstance(value, datetime) else str(value)


def quantity(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: ``1 file``, ``2,000 files``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def to_json_value(value: Any) -> Any:
    """Return a date, time or decimal as the text that stands for it in JSON. TypeError for any other type."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
