"""Find the version of its contract that a row is of, and the fields that a partial update names."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schema_registry.contract import VERSION_COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject


def raw_column(name: str) -> str:
    """Return the name of the column that holds a field's text as received, apart from what migration makes of it."""
    return f"_raw_{name}"


def received_text(name: str) -> Column:
    """Return a field's text as received, null where it is absent or empty."""
    return F.nullif(F.col(raw_column(name)), F.lit(""))


def version_of(subject: Subject) -> Column:
    """Return a row's version: its schema_version where it has a value, else the version that its fields fit; null if it is unknown.

    Fields fit the highest version whose required fields are all named. Where several would do, one that knows all the row's
    fields comes first: versions may differ in optional fields alone, and a row that names what only an older one has is of that
    one. A delete, a truncate and a partial update need not name what is required: theirs is the highest that knows all their
    fields.
    """
    stated = F.trim(received_text(VERSION_COLUMN))
    number = stated.try_cast("int")
    known = F.when(number.between(1, subject.latest.version), number)
    named = _highest({c.version: _names_required(c) for c in subject.contracts})
    fits = {c.version: _knows_all(c, subject) for c in subject.contracts}
    whole = named
    if _drops_fields(subject):  # else the highest that is named knows all that the others do
        both = {c.version: _names_required(c) & fits[c.version] for c in subject.contracts}
        whole = F.coalesce(_highest(both), named)
    if subject.kind == "changes":
        whole = F.when(needs_whole_row(subject), whole).otherwise(F.coalesce(_highest(fits), named))
    return F.when(stated.isNotNull() & (stated != ""), known).otherwise(whole)


def _drops_fields(subject: Subject) -> bool:
    """True if a version lacks a field that the one before it has, under that name."""
    return any(not set(older.columns) <= set(newer.columns) for older, newer in pairwise(subject.contracts))


def needs_whole_row(subject: Subject) -> Column:
    """True if the row's operation needs a whole row; so does what is no known operation."""
    parts = ("d", "t", "u") if subject.latest.partial_updates else ("d", "t")
    return ~F.coalesce(received_text("op").isin(*parts), F.lit(False))


def named_fields(subject: Subject) -> Column:
    """Return the latest version's fields that a partial update names, by their name now or in its version; null for other rows."""
    names = [F.when(_is_named(subject, name), F.lit(name)) for name in subject.latest.field_names]
    chosen = F.filter(F.array(*names), lambda name: name.isNotNull())
    return F.when(received_text("op") == "u", chosen)


def _highest(conditions: Mapping[int, Column]) -> Column:
    """Return the highest version whose condition holds; null where none does."""
    found = F.lit(None).cast("int")
    for version, condition in conditions.items():
        found = F.when(condition, version).otherwise(found)
    return found


def _names_required(contract: Contract) -> Column:
    return _all([F.col(raw_column(name)).isNotNull() for name in contract.required_names])


def _knows_all(contract: Contract, subject: Subject) -> Column:
    """True if the row names no field that only other versions know."""
    unknown = [name for name in subject.known_fields if name not in (*contract.columns, VERSION_COLUMN)]
    return _all([F.col(raw_column(name)).isNull() for name in unknown])


def _is_named(subject: Subject, field: str) -> Column:
    """True if the row names the field, or one that its migration reads; what a migration fills in by itself is not named."""
    found = F.lit(False)
    for contract in subject.contracts:
        named = _any([F.col(raw_column(name)).isNotNull() for name in subject.sources(contract.version)[field]])
        found = found | ((F.col("_version") == contract.version) & named)
    return found


def _all(conditions: list[Column]) -> Column:
    found = F.lit(True)
    for condition in conditions:
        found = found & condition
    return found


def _any(conditions: list[Column]) -> Column:
    found = F.lit(False)
    for condition in conditions:
        found = found | condition
    return found
