"""The contracts of the shop's subjects: their fields, and how a row of an older version maps to the latest."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from schema_registry.registry import CONTRACTS, load_subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_registry.subject import Subject

SHOP_SUBJECTS = ("customers", "products", "orders", "order_items", "payments")


@lru_cache
def subject_of(name: str) -> Subject:
    """Return the subject and all its versions, from the contracts that come with the product."""
    return load_subject(CONTRACTS / name)


@lru_cache
def fields_of(name: str) -> tuple[str, ...]:
    """Return the fields of the latest version, in the contract's order; the first is the key."""
    return subject_of(name).latest.field_names


@lru_cache
def latest_version(name: str) -> int:
    """Return the number of the latest version."""
    return subject_of(name).latest.version


@lru_cache
def latest_names(name: str, version: int) -> Mapping[str, str]:
    """Map each field of ``version`` to the field of the latest whose text it carries: ``{"telephone": "phone"}``."""
    steps = subject_of(name).steps
    carried = {field: field for field in fields_of(name)}
    for step in reversed(steps[version - 1 :]):
        renamed = {_plain(sql): field for field, sql in step.expressions.items() if sql}
        older = subject_of(name).contract(step.from_version).field_names
        carried = {field: carried[renamed[field]] for field in older if field in renamed}
    return MappingProxyType(carried)


@lru_cache
def migration_defaults(name: str, version: int) -> Mapping[str, str]:
    """Map each field of the latest that ``version`` does not carry to the text that migration gives it; '' is null."""
    texts = {field: field for field in subject_of(name).contract(version).field_names}
    literals: dict[str, str] = {}
    for step in subject_of(name).steps[version - 1 :]:
        literals = {
            field: _literal(sql, literals) for field, sql in step.expressions.items() if _plain(sql) not in texts
        }
        texts = {field: field for field in step.expressions if field not in literals}
    return MappingProxyType(literals)


def _plain(sql: str | None) -> str:
    return (sql or "").strip("`")


def _literal(sql: str | None, before: Mapping[str, str]) -> str:
    """Return the text of a migration that is null, a quoted text, a number or a field that was such a thing itself."""
    plain = _plain(sql)
    return before.get(plain, "" if plain == "null" else plain.strip("'"))
