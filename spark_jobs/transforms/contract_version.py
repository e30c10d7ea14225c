"""Which version of its contract a row is, and which fields a partial update names."""

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
    """The column that holds a field's text as received, apart from what migration makes of it."""
    return f"_raw_{name}"


def received_text(name: str) -> Column:
    """A field's text, null where it is absent or empty."""
    return F.nullif(F.col(raw_column(name)), F.lit(""))


def version_of(subject: Subject) -> Column:
    """schema_version where it has a value, else the highest version that the fields named in the row fit; null where none is.

    A row is of the highest version whose required fields it names. Where several would do, one that knows all its fields comes
    first: versions may differ in optional fields alone, and a row that names what only an older one has is of that one. A
    delete, a truncate and a partial update need not name what is required: theirs is the highest that knows all their fields.
    """
    said = F.trim(received_text(VERSION_COLUMN))
    number = said.try_cast("int")
    known = F.when(number.between(1, subject.latest.version), number)
    named = _highest({c.version: _names_required(c) for c in subject.contracts})
    fits = {c.version: _knows_all(c, subject) for c in subject.contracts}
    whole = named
    if _drops_fields(subject):  # else the highest that is named knows all that the others do
        both = {c.version: _names_required(c) & fits[c.version] for c in subject.contracts}
        whole = F.coalesce(_highest(both), named)
    if subject.kind == "changes":
        whole = F.when(needs_whole_row(subject), whole).otherwise(F.coalesce(_highest(fits), named))
    return F.when(said.isNotNull() & (said != ""), known).otherwise(whole)


def _drops_fields(subject: Subject) -> bool:
    """Whether a version lacks a field that the one before it has, under that name."""
    return any(not set(older.columns) <= set(newer.columns) for older, newer in pairwise(subject.contracts))


def needs_whole_row(subject: Subject) -> Column:
    """Whether the row's operation calls for a whole row; one that is no operation at all is taken to."""
    parts = ("d", "t", "u") if subject.latest.partial_updates else ("d", "t")
    return ~F.coalesce(received_text("op").isin(*parts), F.lit(False))


def named_fields(subject: Subject) -> Column:
    """For a partial update the latest version's fields that it names, itself or under the name they had; null for others."""
    names = [F.when(_is_named(subject, name), F.lit(name)) for name in subject.latest.field_names]
    chosen = F.filter(F.array(*names), lambda name: name.isNotNull())
    return F.when(received_text("op") == "u", chosen)


def _highest(conditions: Mapping[int, Column]) -> Column:
    """The highest version whose condition holds."""
    found = F.lit(None).cast("int")
    for version, condition in conditions.items():
        found = F.when(condition, version).otherwise(found)
    return found


def _names_required(contract: Contract) -> Column:
    return _all([F.col(raw_column(name)).isNotNull() for name in contract.required_names])


def _knows_all(contract: Contract, subject: Subject) -> Column:
    """The row names no field that only another version knows."""
    strangers = [name for name in subject.known_fields if name not in (*contract.columns, VERSION_COLUMN)]
    return _all([F.col(raw_column(name)).isNull() for name in strangers])


def _is_named(subject: Subject, field: str) -> Column:
    """Whether the row names the field, or one that its migration reads; what a migration fills in by itself is not named."""
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
