"""Statistics of a part for the Delta log: how many rows, and of some columns the bounds and how many nulls.

A bound may be wider than the values, never narrower: readers leave out a file by it. Where none can be spelled there is none, and
readers look into the file.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The latest moment that can be rounded up to the next millisecond.
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(milliseconds=1)
#: Texts are cut to as many characters as Delta cuts them to at most, so that a key of 10,000 does not fill the log.
LONGEST_TEXT = 64
#: What follows a greatest text that was cut: DEL, which is above all other ASCII, or else the last of all characters.
ABOVE_ASCII, ABOVE_ALL = "\x7f", "\U0010ffff"


def stats_json(rows: int, bounds: Mapping[str, tuple[Any, Any]], nulls: Mapping[str, int]) -> str:
    """Return the statistics as the log spells them. Spark prunes by bounds only where it also knows that not all is null."""
    least = {name: _spelled(_least(low)) for name, (low, _) in bounds.items()}
    greatest = {name: _spelled(_greatest(high)) for name, (_, high) in bounds.items()}
    return (
        f'{{"numRecords": {rows}, "minValues": {_object(least)}, "maxValues": {_object(greatest)}, '
        f'"nullCount": {json.dumps(dict(nulls), ensure_ascii=False)}}}'
    )


def _object(spelled: Mapping[str, str | None]) -> str:
    """Return a JSON object of values that are JSON already: Python's own writer has no exact decimals."""
    members = (f"{json.dumps(name, ensure_ascii=False)}: {text}" for name, text in spelled.items() if text is not None)
    return f"{{{', '.join(members)}}}"


def _least(value: Any) -> Any:
    """Return the value, or one below it that can be spelled."""
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _greatest(value: Any) -> Any:
    """Return the value, or one above it that can be spelled; None where there is none.

    Time has milliseconds in the log, so it is rounded up; at the end of time, where it cannot be, it has microseconds.
    """
    if isinstance(value, str):
        return _cut_above(value)
    if isinstance(value, datetime) and value.microsecond % 1000 and value <= LATEST:
        return value + timedelta(milliseconds=1)
    return value


def _cut_above(text: str) -> str | None:
    if len(text) <= LONGEST_TEXT:
        return text
    following = text[LONGEST_TEXT]
    if following == ABOVE_ALL:
        return None
    return text[:LONGEST_TEXT] + (ABOVE_ASCII if following < ABOVE_ASCII else ABOVE_ALL)


def _spelled(value: Any) -> str | None:
    """Return a value as JSON; None for null and for booleans, which have no bounds in Delta."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        digits = "microseconds" if value > LATEST else "milliseconds"
        return json.dumps(value.astimezone(UTC).isoformat(timespec=digits).replace("+00:00", "Z"))
    return json.dumps(value.isoformat() if isinstance(value, date) else value, ensure_ascii=False)
