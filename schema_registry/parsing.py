"""Parse a YAML mapping into a Contract, key by key.

Each table at the end maps a key to the reader of its value; other keys are refused. `checks` checks that the parts fit
together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from schema_registry.compatibility import LEVELS
from schema_registry.contract import Contract, Derived, Field, FieldType, Rule
from schema_registry.errors import Where

Reader = Callable[[object, Where, str], Any]


def parse(content: Mapping[object, object], where: Where) -> Contract:
    """Return the contract in a file's mapping; ContractError for the first key or value that is malformed."""
    return Contract(**_read(content, where, _CONTRACT, needed=("subject", "version", "kind", "key", "event_time")))


def _read(content: object, where: Where, readers: Mapping[str, Reader], needed: Collection[str]) -> dict[str, Any]:
    """Return the values of a mapping, each read by the reader of its key, in the readers' order."""
    mapping = _mapping(content, where)
    for key in mapping:
        if key not in readers:
            raise where.error(f"unknown key '{key}'{_suggestion(str(key), readers)}")
    for key in (*needed, *(("fields",) if "fields" in readers else ())):
        if key not in mapping:
            raise where.error(f"key '{key}' is missing")
    return {key: reader(mapping[key], where, key) for key, reader in readers.items() if key in mapping}


def _suggestion(key: str, known: Collection[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f": did you mean '{close[0]}'?" if close else f": expected one of {', '.join(known)}"


def _mapping(content: object, where: Where, key: str | None = None) -> Mapping[object, object]:
    if not isinstance(content, Mapping):
        raise where.error(f"{key + ' ' if key else ''}must be a mapping, got {_shown(content)}")
    return content


def _shown(value: object) -> str:
    """Return the value about as it is written in the file."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def _text(value: object, where: Where, key: str) -> str:
    if not isinstance(value, str):
        raise where.error(f"{key} must be text, got {_shown(value)}: put it in quotes")
    if not value.strip():
        raise where.error(f"{key} must not be blank")
    return value.strip()


def _flag(value: object, where: Where, key: str) -> bool:
    if not isinstance(value, bool):
        raise where.error(f"{key} must be true or false, got {_shown(value)}")
    return value


def _count(value: object, where: Where, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise where.error(f"{key} must be a whole number from 1, got {_shown(value)}")
    return value


def _number(value: object, where: Where, key: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise where.error(f"{key} must be a number, got {_shown(value)}")
    return Decimal(value)


def _moment(value: object, where: Where, key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value, where, key))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise where.error(f"{key} must be a time with its zone, as in 2000-01-01T00:00:00Z, got {_shown(value)}")


def _texts(value: object, where: Where, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise where.error(f"{key} must be a list with at least one entry, got {_shown(value)}")
    texts = tuple(_text(each, where, key) for each in value)
    for text in texts:
        if texts.count(text) > 1:
            raise where.error(f"{key} lists '{text}' twice")
    return texts


def _type(value: object, where: Where, key: str) -> FieldType:
    try:
        return FieldType.parse(_text(value, where, key))
    except ValueError as failure:
        raise where.error(str(failure)) from None


def _one_of(*allowed: str) -> Reader:
    def read(value: object, where: Where, key: str) -> str:
        if value not in allowed:
            raise where.error(f"{key} must be one of {', '.join(allowed)}, got {_shown(value)}")
        return str(value)

    return read


def _named(content: object, where: Where, key: str, label: str) -> list[tuple[str, object, Where]]:
    """Return the name, the value and the place of each entry of a mapping."""
    mapping = _mapping(content, where, key)
    return [
        (name := _text(each, where, f"a name in {key}"), body, where.at(name, label)) for each, body in mapping.items()
    ]


def _fields(value: object, where: Where, key: str) -> tuple[Field, ...]:
    entries = _named(value, where, key, "field")
    if not entries:
        raise where.error("fields must name at least one field")
    return tuple(_field(name, body, place) for name, body, place in entries)


def _field(name: str, body: object, where: Where) -> Field:
    spec = _mapping(body, where)
    if "type" in spec:  # first: an unquoted decimal(p,s) inside { } leaves debris among the keys
        _type(spec["type"], where, "type")
    return Field(name=name, **_read(spec, where, _FIELD, needed=("type",)))


def _rules(value: object, where: Where, key: str) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        raise where.error(f"{key} must be a list of {{name, check}}, got {_shown(value)}")
    return tuple(Rule(**_read(body, _rule_place(body, where), _RULE, needed=("name", "check"))) for body in value)


def _rule_place(body: object, where: Where) -> Where:
    name = body.get("name") if isinstance(body, Mapping) else None
    return where.at(name if isinstance(name, str) else "without a name", "rule")


def _derive(value: object, where: Where, key: str) -> tuple[Derived, ...]:
    entries = _named(value, where, key, "derive")
    return tuple(Derived(name=name, **_read(body, place, _DERIVED, ("type", "expr"))) for name, body, place in entries)


def _migrate(value: object, where: Where, key: str) -> dict[str, str]:
    entries = _named(value, where, key, "migrate")
    return {name: _text(body, place, "expression") for name, body, place in entries}


_FIELD: Mapping[str, Reader] = {
    "type": _type,
    "required": _flag,
    "required_when": _text,
    "non_blank": _flag,
    "min": _number,
    "max": _number,
    "enum": _texts,
    "pattern": _text,
    "max_length": _count,
    "not_before": _moment,
    "not_future": _flag,
    "doc": _text,
}
_RULE: Mapping[str, Reader] = {"name": _text, "check": _text, "doc": _text}
_DERIVED: Mapping[str, Reader] = {"type": _type, "expr": _text, "doc": _text}
_CONTRACT: Mapping[str, Reader] = {
    "subject": _text,
    "version": _count,
    "kind": _one_of("events", "changes"),
    "key": _texts,
    "event_time": _text,
    "fields": _fields,
    "rules": _rules,
    "derive": _derive,
    "migrate": _migrate,
    "compatibility": _one_of(*LEVELS),
    "partial_updates": _flag,
    "sequence_by": _text,
    "tracked": _texts,
    "entity": _text,
    "doc": _text,
}
