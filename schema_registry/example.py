"""One example of a contract: a row as received and what it must get, read strictly from its mapping in YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schema_registry.contract import VERSION_COLUMN, FieldType
from schema_registry.value_text import wrong_form
from schema_registry.yaml_values import (
    Reader,
    one_of,
    read_count,
    read_keys,
    read_mapping,
    read_moment,
    read_text,
    shown,
    suggestion,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from schema_registry.errors import Where
    from schema_registry.subject import Subject

MOST_FIELDS = 1_000
"""Of one row."""
LONGEST_TEXT = 100_000
"""Characters of one field."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason that a row must get: its code, its field (or rule; None where it has none), and where it matters its words."""

    code: str
    field: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One case. `row`: field → text exactly as received; None is absent, '' empty.

    version: the version that the row is of, where neither its fields nor its schema_version are to tell.
    ingested_at: when it came in; None for now. values: column → the text form of its value (see `value_text`), None for null.
    """

    file: Path
    name: str
    row: Mapping[str, str | None] = field(hash=False)
    verdict: str
    reasons: tuple[Reason, ...] = ()
    values: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    version: int | None = None
    ingested_at: datetime | None = None

    @property
    def received(self) -> dict[str, str | None]:
        """The row as it is judged: with the case's version, where it names one."""
        return dict(self.row) if self.version is None else {**self.row, VERSION_COLUMN: str(self.version)}


def read_example(file: Path, body: object, where: Where, subject: Subject) -> Example:
    """Return the example in a case's mapping; ContractError where it is malformed, or names what the subject has not."""
    example = Example(file=file, **read_keys(body, where, _CASE, needed=("name", "row", "verdict")))
    _check(example, where, subject)
    return example


def _texts(value: object, where: Where, key: str) -> dict[str, str | None]:
    mapping = read_mapping(value, where, key)
    if len(mapping) > MOST_FIELDS:
        raise where.error(f"{key} may name {MOST_FIELDS:,} fields, and this names {len(mapping):,}")
    return {
        _as_received(name, where, f"a name in {key}"): _cell(text, where, f"{key} '{name}'")
        for name, text in mapping.items()
    }


def _cell(value: object, where: Where, key: str) -> str | None:
    return None if value is None else _as_received(value, where, key, "text in quotes, or null")


def _as_received(value: object, where: Where, key: str, form: str = "text in quotes") -> str:
    """Text as it is, blank or with outer white space too."""
    if not isinstance(value, str):
        raise where.error(f"{key} must be {form}, as rows hold text alone, got {shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise where.error(f"{key} may have {LONGEST_TEXT:,} characters, and this has {len(value):,}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise where.error(f"{key} holds half of a surrogate pair, which is no character")
    return value


def _reasons(value: object, where: Where, key: str) -> tuple[Reason, ...]:
    if not isinstance(value, list):
        raise where.error(f"{key} must be a list of {{code, field}}, got {shown(value)}")
    return tuple(Reason(**read_keys(body, where, _REASON, needed=("code",))) for body in value)


_REASON: Mapping[str, Reader] = {"code": read_text, "field": read_text, "detail": read_text}
_CASE: Mapping[str, Reader] = {
    "name": read_text,
    "version": read_count,
    "ingested_at": read_moment,
    "row": _texts,
    "verdict": one_of("accepted", "dead_letter"),
    "reasons": _reasons,
    "values": _texts,
}


def _check(example: Example, where: Where, subject: Subject) -> None:
    """Refuse (ContractError) a case that no row could pass, or that names what the subject has not."""
    _check_version(example, where, subject)
    if example.verdict == "accepted" and example.reasons:
        raise where.error("an accepted row has no reasons: leave them out, or expect a dead_letter")
    if example.verdict == "dead_letter" and not example.reasons:
        raise where.error("reasons must name every reason of a dead_letter, as in [{code: missing, field: price}]")
    types = _types(subject)
    named = {*types, *(rule.name for rule in subject.latest.rules)}
    for reason in example.reasons:
        if reason.field is not None and reason.field not in named:
            raise where.error(
                f"reasons name the unknown field or rule '{reason.field}'{suggestion(reason.field, named)}"
            )
    for name, text in example.values.items():
        if name not in types:
            raise where.error(f"values name the unknown column '{name}'{suggestion(name, types)}")
        if text is not None and (form := wrong_form(text, types[name])) is not None:
            raise where.error(f"values '{name}' must be {form} for {types[name].sql}, got {shown(text)}")


def _check_version(example: Example, where: Where, subject: Subject) -> None:
    if example.version is None:
        return
    if example.version > subject.latest.version:
        raise where.error(f"version must be one of 1 to {subject.latest.version}, got {example.version}")
    if VERSION_COLUMN in example.row:
        raise where.error(f"version and the row's own {VERSION_COLUMN} exclude each other: keep one")


def _types(subject: Subject) -> dict[str, FieldType]:
    """Every column whose value an example may name."""
    latest = subject.latest
    fields = {each.name: each.type for each in latest.row_fields}
    derived = {each.name: each.type for each in latest.derive}
    return {**fields, **derived, VERSION_COLUMN: FieldType("int")}
