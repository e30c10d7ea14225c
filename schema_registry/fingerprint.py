"""The fingerprint of a contract: it covers what decides how a row is judged, not how the file is written.

Comments, docs, white space, key order and the spelling of a number (1 or 1.00) make no difference. Values left at their
default are not part of it either, so a later addition to the vocabulary leaves old fingerprints as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal

from schema_registry.contract import Contract, FieldType

_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)""", re.DOTALL)
_SQL = ("required_when", "check", "expr")
_EXACT = Context(prec=1000)
_SETS = ("enum", "tracked")


def fingerprint(contract: Contract) -> str:
    """Return the SHA-256, in hex, of what decides how rows are judged by the contract."""
    content = json.dumps(_canonical(contract), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()


def combined_fingerprint(contracts: Iterable[Contract]) -> str:
    """Return the SHA-256, in hex, of several versions together, in order."""
    lines = "".join(f"v{contract.version} {fingerprint(contract)}\n" for contract in contracts)
    return hashlib.sha256(lines.encode()).hexdigest()


def _canonical(thing: object) -> object:
    """Return the same content as JSON values, without docs and defaults."""
    if isinstance(thing, FieldType):
        return thing.sql
    if dataclasses.is_dataclass(thing):
        return {item.name: _attribute(item.name, getattr(thing, item.name)) for item in _set_attributes(thing)}
    if isinstance(thing, Decimal):
        return f"{thing.normalize(_EXACT):f}"
    if isinstance(thing, datetime):
        return thing.isoformat()
    if isinstance(thing, tuple):
        return [_canonical(each) for each in thing]
    return thing


def _set_attributes(thing: object) -> list[dataclasses.Field[object]]:
    """Return the attributes that count: neither docs nor those left at their default."""
    items = dataclasses.fields(thing)  # type: ignore[arg-type]
    return [item for item in items if item.name != "doc" and getattr(thing, item.name) not in (item.default, {}, ())]


def _attribute(name: str, value: object) -> object:
    if name in _SETS and isinstance(value, tuple):
        return sorted(value)
    if name in _SQL and isinstance(value, str):
        return _normalize_spaces(value)
    if isinstance(value, Mapping):
        return {key: _normalize_spaces(sql) for key, sql in value.items()}
    return _canonical(value)


def _normalize_spaces(sql: str) -> str:
    """Return the SQL with every run of white space outside quotes as one space."""
    parts = _QUOTED.split(sql)
    return "".join(part if index % 2 else re.sub(r"\s+", " ", part) for index, part in enumerate(parts)).strip()
