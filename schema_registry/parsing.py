"""Parse a YAML mapping into a Contract, key by key.

Each table at the end maps a key to the reader of its value; other keys are refused. `checks` checks that the parts fit
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schema_registry.compatibility import LEVELS
from schema_registry.contract import Contract, Derived, Field, FieldType, Rule
from schema_registry.yaml_values import (
    Reader,
    one_of,
    read_count,
    read_entries,
    read_flag,
    read_keys,
    read_mapping,
    read_moment,
    read_number,
    read_text,
    read_texts,
    shown,
)

if TYPE_CHECKING:
    from schema_registry.errors import Where


def parse(content: Mapping[object, object], where: Where) -> Contract:
    """Return the contract in a file's mapping; ContractError for the first key or value that is malformed."""
    needed = ("subject", "version", "kind", "key", "event_time", "fields")
    return Contract(**read_keys(content, where, _CONTRACT, needed))


def _type(value: object, where: Where, key: str) -> FieldType:
    try:
        return FieldType.parse(read_text(value, where, key))
    except ValueError as failure:
        raise where.error(str(failure)) from None


def _fields(value: object, where: Where, key: str) -> tuple[Field, ...]:
    entries = read_entries(value, where, key, "field")
    if not entries:
        raise where.error("fields must name at least one field")
    return tuple(_field(name, body, place) for name, body, place in entries)


def _field(name: str, body: object, where: Where) -> Field:
    spec = read_mapping(body, where)
    if "type" in spec:  # first: an unquoted decimal(p,s) inside { } leaves debris among the keys
        _type(spec["type"], where, "type")
    return Field(name=name, **read_keys(spec, where, _FIELD, needed=("type",)))


def _rules(value: object, where: Where, key: str) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        raise where.error(f"{key} must be a list of {{name, check}}, got {shown(value)}")
    return tuple(Rule(**read_keys(body, _rule_place(body, where), _RULE, needed=("name", "check"))) for body in value)


def _rule_place(body: object, where: Where) -> Where:
    name = body.get("name") if isinstance(body, Mapping) else None
    return where.at(name if isinstance(name, str) else "without a name", "rule")


def _derive(value: object, where: Where, key: str) -> tuple[Derived, ...]:
    entries = read_entries(value, where, key, "derive")
    return tuple(
        Derived(name=name, **read_keys(body, place, _DERIVED, ("type", "expr"))) for name, body, place in entries
    )


def _migrate(value: object, where: Where, key: str) -> dict[str, str]:
    entries = read_entries(value, where, key, "migrate")
    return {name: read_text(body, place, "expression") for name, body, place in entries}


_FIELD: Mapping[str, Reader] = {
    "type": _type,
    "required": read_flag,
    "required_when": read_text,
    "non_blank": read_flag,
    "min": read_number,
    "max": read_number,
    "enum": read_texts,
    "pattern": read_text,
    "max_length": read_count,
    "not_before": read_moment,
    "not_future": read_flag,
    "doc": read_text,
}
_RULE: Mapping[str, Reader] = {"name": read_text, "check": read_text, "doc": read_text}
_DERIVED: Mapping[str, Reader] = {"type": _type, "expr": read_text, "doc": read_text}
_CONTRACT: Mapping[str, Reader] = {
    "subject": read_text,
    "version": read_count,
    "kind": one_of("events", "changes"),
    "key": read_texts,
    "event_time": read_text,
    "fields": _fields,
    "rules": _rules,
    "derive": _derive,
    "migrate": _migrate,
    "compatibility": one_of(*LEVELS),
    "partial_updates": read_flag,
    "sequence_by": read_text,
    "tracked": read_texts,
    "entity": read_text,
    "doc": read_text,
}
