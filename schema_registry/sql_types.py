"""Types and literal times in contract SQL: a contract's own types, and no others."""

from __future__ import annotations

import re
from datetime import datetime

from sqlglot import exp

from schema_registry import sql_functions as functions
from schema_registry.contract import FieldType
from schema_registry.sql_text import SqlError

_TYPES = {
    exp.DType.TEXT: "string",
    exp.DType.INT: "int",
    exp.DType.BIGINT: "bigint",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMPTZ: "timestamp",
    exp.DType.DECIMAL: "decimal",
}
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")


def type_of(node: exp.DataType) -> str:
    """Return the type as Spark SQL; SqlError if no field could have it."""
    name = _TYPES.get(node.this)
    if name is None or (name != "decimal" and node.expressions):
        raise SqlError(
            f"type '{node.sql(dialect='spark').lower()}' is none of a contract's: {', '.join(_TYPES.values())}"
        )
    if name != "decimal":
        return name
    precision, scale, *_ = [*[int(each.name) for each in node.expressions], *(10, 0)[len(node.expressions) :]]
    try:
        return FieldType.parse(f"decimal({precision},{scale})").sql
    except ValueError as failure:
        raise SqlError(str(failure)) from None


def checked_time(text: str | None, kind: str) -> str:
    """Return the text after DATE or TIMESTAMP; SqlError if it is not a date or a time. ``kind`` is the type of the literal."""
    if text is None or kind not in ("date", "timestamp"):
        raise SqlError(f"'cast' {functions.REASON['cast']}")
    match = _TIME.fullmatch(text)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        match = None
    if match is None or (kind == "date" and match[1]):
        raise SqlError(f"{kind.upper()} must be followed by one, as in '2026-01-05', got {text!r}")
    return text
