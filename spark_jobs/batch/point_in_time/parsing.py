"""Parses a key and a moment as someone types them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.errors import UsageError
from spark_jobs.schemas import TIMESTAMP, arrow_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_registry.contract import Contract, FieldType

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?"
DATE_FORM = re.compile(_DATE, re.ASCII)
MOMENT_FORM = re.compile(f"{_DATE}({_TIME})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_PIECE = re.compile(r"\\[\\|]|.", re.DOTALL)


def parse_moment(text: str) -> datetime:
    """Parse ``YYYY-MM-DD[ T]HH:MM[:SS[.f]]`` with Z, ±HH:MM or nothing (UTC), or a date alone, for its start. Returns UTC.

    UsageError where it is no such moment.
    """
    try:
        return _moment(text.strip())
    except (ValueError, OverflowError):
        expected = "YYYY-MM-DD HH:MM[:SS], with Z, ±HH:MM or nothing (UTC) behind it, or a date alone"
        raise UsageError(f"'{text}' is no moment: expected {expected}") from None


def parse_key(text: str, contract: Contract) -> dict[str, Any]:
    """Parse a key in the form of ``transforms.types.key_text``: parts joined by ``|``, a ``|`` within one as ``\\|``.

    Returns values by field, in the types of the contract's key; a time may also be given in microseconds. UsageError where the
    text is no such key.
    """
    parts = split_key(text, contract.key)
    if len(parts) != len(contract.key):
        join_key = "|".join(contract.key)
        raise UsageError(
            f"the key of {contract.subject} is {join_key}, {len(contract.key)} parts: '{text}' has {len(parts)}"
        )
    return {name: _value(part, name, contract) for name, part in zip(contract.key, parts, strict=True)}


def split_key(text: str, key: Sequence[str]) -> list[str]:
    """Split the text of a key into its parts; the text itself is the part where the key has only one."""
    parts = [""]
    if len(key) == 1:
        return [text]
    for piece in _PIECE.findall(text):
        if piece == "|":
            parts.append("")
        else:
            parts[-1] += piece[-1]
    return parts


def join_key(parts: Sequence[str]) -> str:
    """Join the parts of a key to the text that :func:`split_key` splits again."""
    if len(parts) == 1:
        return parts[0]
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def _value(text: str, name: str, contract: Contract) -> Any:
    type_ = contract.field(name).type
    value = parse_value(text, type_)
    if value is None:
        raise UsageError(f"the {name} of {contract.subject} is of type {type_.sql}: '{text}' is none")
    return value


def parse_value(text: str, type_: FieldType) -> Any:
    """Parse a value of that type; None where the text is none."""
    try:
        return pa.scalar(_READERS[type_.name](text), arrow_type(type_)).as_py()
    except (ValueError, KeyError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    _require(MOMENT_FORM, text)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _integer(text: str) -> int:
    return int(_require(_INTEGER, text.strip()))


def _decimal(text: str) -> Decimal:
    return Decimal(_require(_DECIMAL, text.strip()))


def _date(text: str) -> date:
    return date.fromisoformat(_require(DATE_FORM, text))


def _time(text: str) -> Any:
    return pa.scalar(int(text), TIMESTAMP).as_py() if _INTEGER.fullmatch(text) else _moment(text)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[_require(re.compile("true|false"), text.lower())]


def _require(form: re.Pattern[str], text: str) -> str:
    if form.fullmatch(text) is None:
        raise ValueError(text)
    return text


_READERS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "int": _integer,
    "bigint": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _time,
}
