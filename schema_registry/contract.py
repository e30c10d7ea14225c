"""The data classes of a contract: one version of one subject's rows.

They hold what `vN.yaml` says, already parsed and typed. They promise no consistency by themselves: a Contract
from `registry.load` has passed every check, one built by hand has passed none.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

Kind = Literal["events", "changes"]

CHANGE_COLUMNS = ("change_id", "op", "event_ts", "seq")
"""The columns before the entity's fields in a flat row of kind `changes`."""

OPERATIONS = ("c", "r", "u", "d", "t")
"""Operations of a change: create, read (a row of a snapshot), update, delete, truncate; the letters are Debezium's."""

VERSION_COLUMN = "schema_version"
"""The reserved field in which a row may carry its version."""

_PLAIN_TYPES = ("string", "int", "bigint", "boolean", "date", "timestamp")
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
MOST_DIGITS = 38
"""The greatest precision of a decimal."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """A column type: string, int, bigint, decimal(p,s), boolean, date or timestamp."""

    name: str
    precision: int | None = None
    scale: int | None = None

    @classmethod
    def parse(cls, text: str) -> FieldType:
        """Return the type that `text` names; ValueError says what was expected instead.

        >>> FieldType.parse("decimal(18, 2)")
        FieldType(name='decimal', precision=18, scale=2)
        """
        text = text.strip()
        if text in _PLAIN_TYPES:
            return cls(text)
        if text in ("double", "float", "real"):
            raise ValueError(f"type '{text}' rounds: money and measures are decimal(p,s)")
        if text.startswith("decimal"):
            return cls._parse_decimal(text)
        raise ValueError(f"unknown type '{text}': expected one of {', '.join(_PLAIN_TYPES)}, decimal(p,s)")

    @classmethod
    def _parse_decimal(cls, text: str) -> FieldType:
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise ValueError(f"type '{text}' must be decimal(p,s) with both numbers, and in quotes inside {{ }}")
        precision, scale = int(match[1]), int(match[2])
        if not (1 <= precision <= MOST_DIGITS and scale <= precision):
            raise ValueError(f"type '{text}' must have 1 <= p <= {MOST_DIGITS} and 0 <= s <= p")
        return cls("decimal", precision, scale)

    @property
    def sql(self) -> str:
        """The Spark SQL type text, e.g. `decimal(18,2)`."""
        return self.name if self.precision is None else f"{self.name}({self.precision},{self.scale})"

    @property
    def is_integer(self) -> bool:
        """True for int and bigint."""
        return self.name in ("int", "bigint")

    @property
    def is_number(self) -> bool:
        """True for the types that min and max are for: int, bigint and decimal."""
        return self.is_integer or self.name == "decimal"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type and the limits of its values. A null passes everything but `required`.

    required_when: a Spark SQL condition over the typed fields; the field is required in rows where it is true.
    non_blank: text of white space alone is missing. enum: exact values, empty for any.
    pattern: a regular expression that the whole text must match, anchored or not.
    min and max include their bound. not_before (aware, UTC) and not_future are for timestamps.
    """

    name: str
    type: FieldType
    required: bool = False
    required_when: str | None = None
    non_blank: bool = False
    min: Decimal | None = None
    max: Decimal | None = None
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    max_length: int | None = None
    not_before: datetime | None = None
    not_future: bool = False
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over a row's typed fields. `check` is Spark SQL; a row passes where it is true or null."""

    name: str
    check: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """An enrichment column: `expr` (Spark SQL) over the typed fields, as `type`."""

    name: str
    type: FieldType
    expr: str
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """One version of a subject, complete in itself.

    migrate: field of this version → Spark SQL over the text fields of the version before.
    compatibility: how this version must relate to earlier ones (see `compatibility`).
    For kind `changes`: sequence_by orders the changes of a key, tracked fields open a new history version,
    partial_updates lets an update leave unchanged fields out, entity names what one row is (`customer`) and so the
    history table (`gold/dim_customer`).
    """

    subject: str
    version: int
    kind: Kind
    key: tuple[str, ...]
    event_time: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    derive: tuple[Derived, ...] = ()
    migrate: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    compatibility: str = "backward"
    partial_updates: bool = False
    sequence_by: str | None = None
    tracked: tuple[str, ...] = ()
    entity: str = ""
    doc: str = ""

    def field(self, name: str) -> Field:
        """Return the field (for changes also the change column) of that name; KeyError if this version has none."""
        for candidate in self.row_fields:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    @property
    def row_fields(self) -> tuple[Field, ...]:
        """All fields that are read from a row and judged: for changes the change columns, then the contract's fields."""
        return (*_change_fields(self), *self.fields) if self.kind == "changes" else self.fields

    @property
    def identifying(self) -> tuple[str, ...]:
        """The fields that every row must have. For changes without the key: a truncate has none, all others need it."""
        if self.kind == "events":
            return (*self.key, self.event_time)
        return tuple(dict.fromkeys(["change_id", "op", self.event_time, self.sequence_by or "seq"]))

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields, in the contract's order."""
        return tuple(each.name for each in self.fields)

    @property
    def required_names(self) -> tuple[str, ...]:
        """The fields that every row must have, without condition."""
        return tuple(each.name for each in self.fields if each.required)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a flat row may carry: for changes the change columns, then the fields."""
        return (*CHANGE_COLUMNS, *self.field_names) if self.kind == "changes" else self.field_names


LONGEST_CHANGE_ID = 200


def _change_fields(contract: Contract) -> tuple[Field, ...]:
    """The change columns as fields, judged like any other."""
    return (
        Field("change_id", FieldType("string"), required=True, non_blank=True, max_length=LONGEST_CHANGE_ID),
        Field("op", FieldType("string"), required=True, enum=OPERATIONS),
        Field(
            "event_ts",
            FieldType("timestamp"),
            required=contract.event_time == "event_ts",
            not_before=datetime(2000, 1, 1, tzinfo=UTC),
            not_future=True,
        ),
        Field("seq", FieldType("bigint"), required=contract.sequence_by == "seq"),
    )
