"""Contracts and subjects as plain JSON values, for `tally registry show --json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from schema_registry.contract import Contract, FieldType
from schema_registry.fingerprint import fingerprint
from schema_registry.subject import Subject


def as_dict(thing: Contract | Subject) -> dict[str, Any]:
    """Return a contract or a subject as a dictionary, with its fingerprint; numbers and times are text, to lose nothing."""
    return _subject(thing) if isinstance(thing, Subject) else _contract(thing)


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "subject": subject.name,
        "kind": subject.kind,
        "latest": subject.latest.version,
        "published": list(subject.frozen),
        "compatibility": subject.compatibility,
        "fingerprint": subject.fingerprint,
        "known_fields": list(subject.known_fields),
        "introduced_in": dict(subject.introduced_in),
        "versions": [_contract(contract) for contract in subject.contracts],
    }


def _contract(contract: Contract) -> dict[str, Any]:
    return {**_attributes(contract), "fingerprint": fingerprint(contract)}


def _attributes(thing: Any) -> dict[str, Any]:
    return {item.name: _plain(getattr(thing, item.name)) for item in dataclasses.fields(thing)}


def _plain(value: Any) -> Any:
    if isinstance(value, FieldType):
        return value.sql
    if dataclasses.is_dataclass(value):
        return _attributes(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
