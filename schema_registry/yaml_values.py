"""Read the values of a YAML mapping, each by the reader of its key; other keys are refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from schema_registry.errors import Where

Reader = Callable[[object, Where, str], Any]
"""Reads one value; ContractError at the place, with the key, where it is not of the form."""


def read_keys(content: object, where: Where, readers: Mapping[str, Reader], needed: Collection[str]) -> dict[str, Any]:
    """Return the values of a mapping, each read by the reader of its key, in the readers' order."""
    mapping = read_mapping(content, where)
    for key in mapping:
        if key not in readers:
            raise where.error(f"unknown key '{key}'{suggestion(str(key), readers)}")
    for key in needed:
        if key not in mapping:
            raise where.error(f"key '{key}' is missing")
    return {key: reader(mapping[key], where, key) for key, reader in readers.items() if key in mapping}


def suggestion(key: str, known: Collection[str]) -> str:
    """Return the end of a refusal of an unknown name: the closest known one, or all of them."""
    close = get_close_matches(key, known, n=1)
    return f": did you mean '{close[0]}'?" if close else f": expected one of {', '.join(known)}"


def read_mapping(content: object, where: Where, key: str | None = None) -> Mapping[object, object]:
    """Return the content if it is a mapping."""
    if not isinstance(content, Mapping):
        raise where.error(f"{key + ' ' if key else ''}must be a mapping, got {shown(content)}")
    return content


def shown(value: object) -> str:
    """Return the value about as it is written in the file."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def read_text(value: object, where: Where, key: str) -> str:
    """Read text that is not blank, without outer white space."""
    if not isinstance(value, str):
        raise where.error(f"{key} must be text, got {shown(value)}: put it in quotes")
    if not value.strip():
        raise where.error(f"{key} must not be blank")
    return value.strip()


def read_flag(value: object, where: Where, key: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise where.error(f"{key} must be true or false, got {shown(value)}")
    return value


def read_count(value: object, where: Where, key: str) -> int:
    """Read a whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise where.error(f"{key} must be a whole number from 1, got {shown(value)}")
    return value


def read_number(value: object, where: Where, key: str) -> Decimal:
    """Read a number, with every digit."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise where.error(f"{key} must be a number, got {shown(value)}")
    return Decimal(value)


def read_moment(value: object, where: Where, key: str) -> datetime:
    """Read a time with its zone, as UTC."""
    try:
        moment = datetime.fromisoformat(read_text(value, where, key))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise where.error(f"{key} must be a time with its zone, as in 2000-01-01T00:00:00Z, got {shown(value)}")


def read_texts(value: object, where: Where, key: str) -> tuple[str, ...]:
    """Read a list of different texts, at least one."""
    if not isinstance(value, list) or not value:
        raise where.error(f"{key} must be a list with at least one entry, got {shown(value)}")
    texts = tuple(read_text(each, where, key) for each in value)
    for text in texts:
        if texts.count(text) > 1:
            raise where.error(f"{key} lists '{text}' twice")
    return texts


def one_of(*allowed: str) -> Reader:
    """Return a reader of one of these texts."""

    def read(value: object, where: Where, key: str) -> str:
        if value not in allowed:
            raise where.error(f"{key} must be one of {', '.join(allowed)}, got {shown(value)}")
        return str(value)

    return read


def read_entries(content: object, where: Where, key: str, label: str) -> list[tuple[str, object, Where]]:
    """Return the name, the value and the place of each entry of a mapping."""
    mapping = read_mapping(content, where, key)
    return [
        (name := read_text(each, where, f"a name in {key}"), body, where.at(name, label))
        for each, body in mapping.items()
    ]
