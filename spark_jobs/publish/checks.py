"""CHECK constraints made from a contract: no accepted row can break them, so that no row can stop publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.publish.names import column_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.contract import Field
    from schema_registry.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on a column, which null meets. ``sql`` holds no value that anyone but a contract's author wrote."""

    column: str
    kind: str
    sql: str


def checks_of(subject: Subject) -> tuple[Check, ...]:
    """Return the checks for enums and bounds of the latest version's fields.

    A row was judged by the version that was the latest then, so a check allows what any version with that field allows:
    otherwise a contract that became stricter would lock out rows that were rightly accepted before.
    """
    return tuple(
        check for field in subject.latest.fields for check in _field_checks(_in_all_versions(subject, field.name))
    )


def _in_all_versions(subject: Subject, name: str) -> list[Field]:
    return [field for contract in subject.contracts for field in contract.fields if field.name == name]


def _field_checks(fields: Sequence[Field]) -> list[Check]:
    name = column_name(fields[0].name)
    column = _identifier(name)
    checks = []
    if all(field.enum for field in fields):
        values = sorted({value for field in fields for value in field.enum})
        checks.append(Check(name, "known", f"{column} IN ({', '.join(map(_literal, values))})"))
    least = [field.min for field in fields if field.min is not None]
    if len(least) == len(fields):
        checks.append(Check(name, "min", f"{column} >= {min(least)}"))
    greatest = [field.max for field in fields if field.max is not None]
    if len(greatest) == len(fields):
        checks.append(Check(name, "max", f"{column} <= {max(greatest)}"))
    return checks


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """Return the text as an SQL literal; in E'' form, so that a backslash means itself whatever the server is set to."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
