"""Typed values as text, one form a type, so that examples can name them exactly.

string as it is · int, bigint 31 · decimal(p,s) 0.10, with all s decimals · boolean true, false · date 2026-01-05 ·
timestamp 2026-01-05T10:00:00Z, with a fraction of six digits where there is one
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_registry.contract import FieldType

_WHOLE = r"-?(?:0|[1-9]\d*)"
_DAY = r"\d{4}-\d{2}-\d{2}"
_FORMS = {
    "int": (_WHOLE, "a whole number such as 31"),
    "bigint": (_WHOLE, "a whole number such as 31"),
    "boolean": ("true|false", "true or false, in quotes"),
    "date": (_DAY, "a day such as 2026-01-05"),
    "timestamp": (
        rf"{_DAY}T\d{{2}}:\d{{2}}:\d{{2}}(?:\.\d{{6}})?Z",
        "a time such as 2026-01-05T10:00:00Z, of 0 or 6 decimals",
    ),
}


def value_text(value: object) -> str | None:
    """Return a typed value's text; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def wrong_form(text: str, type_: FieldType) -> str | None:
    """Return the form that a value of the type has as text, where this text is of another; None where it is of that."""
    if type_.name == "string":
        return None
    pattern, form = _decimal(type_.scale or 0) if type_.name == "decimal" else _FORMS[type_.name]
    return None if re.fullmatch(pattern, text) else form


def _decimal(scale: int) -> tuple[str, str]:
    example = f"{1:.{scale}f}"
    return (rf"{_WHOLE}\.\d{{{scale}}}" if scale else _WHOLE), f"a number such as {example}, of {scale} decimals"
