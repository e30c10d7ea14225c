"""Checks of one contract by itself: names, fields, key, event time, kind, patterns and expressions."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from schema_registry import expressions
from schema_registry.contract import CHANGE_COLUMNS, VERSION_COLUMN, Contract, Field, FieldType
from schema_registry.patterns import LONGEST_MATCHED
from schema_registry.sql_functions import pattern_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_registry.errors import Where

_LAKE_COLUMNS = (
    "row_id batch_id query_id processed_at event_date extras late_arrival_flag payload payload_rest raw read_error "
    "source source_position source_time source_fingerprint ingested_at ingest_date"
)
LAKE_COLUMNS = frozenset(_LAKE_COLUMNS.split()) | {VERSION_COLUMN}
"""Columns that the lake adds to every row; no contract may use their names."""

HISTORY_COLUMNS = frozenset({"given", "valid_from", "valid_to", "is_current", "version"})
"""Columns that the lake adds to changes and their history, in addition to `<entity>_key`."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EXACT = Context(prec=1000)
_LARGEST = {"int": 2**31 - 1, "bigint": 2**63 - 1}
_APPLIES_TO = {
    **dict.fromkeys(("min", "max"), ("int", "bigint", "decimal")),
    **dict.fromkeys(("enum", "pattern", "max_length", "non_blank"), ("string",)),
    **dict.fromkeys(("not_before", "not_future"), ("timestamp",)),
}


def check(contract: Contract, where: Where, *, judges: bool = True) -> None:
    """Refuse (ContractError) a contract whose parts do not fit together.

    ``judges``: True if rows are judged by it. The patterns and SQL of a frozen version that a later one
    has replaced are no longer run, so they are no reason to refuse what cannot be changed.
    """
    _check_names(contract, where)
    for field in contract.fields:
        _check_field(field, where.at(field.name))
    _check_key(contract, where)
    _check_event_time(contract, where)
    _check_kind(contract, where)
    if judges:
        _check_patterns(contract, where)
        _check_expressions(contract, where)


def _check_names(contract: Contract, where: Where) -> None:
    _check_column_names(contract, where)
    names = [rule.name for rule in contract.rules]
    for name in names:
        check_name(name, where.at(name, "rule"))
        if names.count(name) > 1:
            raise where.at(name, "rule").error("two rules have this name: choose another for one of them")


def _check_column_names(contract: Contract, where: Where) -> None:
    reserved = _reserved_names(contract)
    seen: set[str] = set()
    for name, label in _columns(contract):
        place = where.at(name, label)
        check_name(name, place)
        if name in reserved:
            raise place.error("this name is one of the lake's own columns: choose another")
        if name in seen:
            raise place.error("this name is taken by a field: choose another")
        seen.add(name)


def _reserved_names(contract: Contract) -> frozenset[str]:
    if contract.kind == "events":
        return LAKE_COLUMNS
    return LAKE_COLUMNS | {*CHANGE_COLUMNS, *HISTORY_COLUMNS, f"{contract.entity}_key"}


def _columns(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield the name of each field and derived column, with the label that an error gives it."""
    yield from ((name, "field") for name in contract.field_names)
    yield from ((each.name, "derive") for each in contract.derive)


def check_name(name: str, where: Where) -> None:
    """Refuse (ContractError) a name that would need quoting somewhere: in SQL, in a path, in a shell."""
    if _NAME.fullmatch(name) is None:
        raise where.error("names must be lower case letters, digits and _, starting with a letter")


def _check_field(field: Field, where: Where) -> None:
    for key, types in _APPLIES_TO.items():
        value = getattr(field, key)
        is_given = value is not None and value is not False and value != ()  # a bound of 0 equals False
        if is_given and field.type.name not in types:
            raise where.error(f"{key} is for {', '.join(types)}, not for {field.type.sql}")
    if field.required and field.required_when is not None:
        raise where.error("required and required_when exclude each other: keep one")
    _check_bounds(field, where)


def _check_bounds(field: Field, where: Where) -> None:
    for key, bound in (("min", field.min), ("max", field.max)):
        if bound is not None and not _fits(bound, field.type):
            raise where.error(f"{key} must be a value that {field.type.sql} can hold, got {bound}")
    if field.min is not None and field.max is not None and field.min > field.max:
        raise where.error(f"min must not be above max, got {field.min} and {field.max}")


def _fits(bound: Decimal, type_: FieldType) -> bool:
    _, digits, exponent = bound.normalize(_EXACT).as_tuple()
    scale = max(0, -int(exponent))
    if type_.precision is None or type_.scale is None:
        return scale == 0 and abs(bound) <= _LARGEST[type_.name]
    return scale <= type_.scale and len(digits) + int(exponent) <= type_.precision - type_.scale


def _check_patterns(contract: Contract, where: Where) -> None:
    for field in contract.fields:
        if field.pattern is None:
            continue
        problem = pattern_problem(field.pattern, whole=True, length=longest_matched(field))
        if problem is not None:
            place = where.at(field.name)
            raise place.error(f"pattern must be a regular expression, got {field.pattern!r}: {problem}")


def longest_matched(field: Field) -> int:
    """Return the length up to which the field's pattern is tried: the usual limit, or max_length if it is slow beyond."""
    if field.max_length is None or field.max_length >= LONGEST_MATCHED or field.pattern is None:
        return LONGEST_MATCHED
    return LONGEST_MATCHED if pattern_problem(field.pattern, whole=True) is None else field.max_length


def _check_key(contract: Contract, where: Where) -> None:
    for name in contract.key:
        if name not in contract.field_names:
            raise where.at(name).error("key must name fields of this version, and this is none")
        if not contract.field(name).required:
            raise where.at(name).error("a field of the key must be required: true")


def _check_event_time(contract: Contract, where: Where) -> None:
    name = contract.event_time
    if contract.kind == "changes" and name == "event_ts":
        return
    if name not in contract.field_names:
        raise where.at(name).error("event_time must name a field of this version, and this is none")
    if contract.field(name).type.name != "timestamp" or not contract.field(name).required:
        raise where.at(name).error("the event_time must be a timestamp and required: true")


def _check_kind(contract: Contract, where: Where) -> None:
    if contract.kind == "events":
        for key in ("partial_updates", "sequence_by", "tracked", "entity"):
            if getattr(contract, key):
                raise where.error(f"{key} is for kind changes, not for events")
        return
    _check_sequence(contract, where)
    _check_history(contract, where)
    for name in (contract.event_time, contract.sequence_by):
        if name not in CHANGE_COLUMNS and not contract.field(str(name)).required:
            raise where.at(str(name)).error("a field that event_time or sequence_by names must be required: true")
    if contract.partial_updates and contract.derive:
        raise where.error("derive cannot go with partial_updates: a part of a row is not enough to derive from")


def _check_sequence(contract: Contract, where: Where) -> None:
    integers = [field.name for field in contract.fields if field.type.is_integer]
    if contract.sequence_by not in ("seq", *integers):
        raise where.error(f"sequence_by must be seq or an int or bigint field, got {contract.sequence_by or 'nothing'}")


def _check_history(contract: Contract, where: Where) -> None:
    for name in contract.tracked:
        if name not in contract.field_names:
            raise where.at(name).error("tracked must name fields of this version, and this is none")
    if contract.tracked and not contract.entity:
        raise where.error("entity is missing: with tracked fields it names the history, as 'customer' in dim_customer")
    if contract.entity:
        check_name(contract.entity, where.at(contract.entity, "entity"))
        if contract.entity == "date":
            raise where.error("entity must not be 'date': dim_date is the calendar of gold: choose another")


def _check_expressions(contract: Contract, where: Where) -> None:
    known = contract.columns
    for field in contract.fields:
        if field.required_when is not None:
            expressions.validate_condition(field.required_when, known, where.at(field.name))
    for rule in contract.rules:
        expressions.validate_condition(rule.check, known, where.at(rule.name, "rule"))
    for derived in contract.derive:
        expressions.validate(derived.expr, known, where.at(derived.name, "derive"))
