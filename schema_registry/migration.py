"""Migration of a row's text, version by version, to the latest; it comes before typing.

A field that the version before has too keeps its text, unless `migrate` says otherwise; a new field is null,
unless `migrate` says otherwise. A rename is an entry that names the old field: `migrate: {full_name: name}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from schema_registry import expressions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_registry.contract import Contract


@dataclass(frozen=True, slots=True)
class Step:
    """The migration from one version to the next: for each field of `to_version`, Spark SQL over the text of `from_version`.

    None stands for null. An expression's result is taken as text, whatever its type ("1" gives '1').
    Example: {"full_name": "name", "email": "`email`", "phone": None}.
    """

    from_version: int
    to_version: int
    expressions: Mapping[str, str | None] = field(hash=False)


def chain(contracts: Sequence[Contract]) -> tuple[Step, ...]:
    """Return the steps v1→v2, v2→v3, … for contracts in order of version; empty for a single one."""
    return tuple(_step(older, newer) for older, newer in pairwise(contracts))


def _step(older: Contract, newer: Contract) -> Step:
    expressions = {name: _expression(name, older, newer) for name in newer.field_names}
    return Step(older.version, newer.version, expressions)


def _expression(name: str, older: Contract, newer: Contract) -> str | None:
    if name in newer.migrate:
        return newer.migrate[name]
    return f"`{name}`" if name in older.field_names else None


def introduced_in(contracts: Sequence[Contract]) -> dict[str, int]:
    """Return for each field of the latest version the version since which it has been there without a gap, under its name.

    A renamed field counts as introduced by the version that renames it.
    """
    return {name: _since(name, contracts) for name in contracts[-1].columns}


def _since(name: str, contracts: Sequence[Contract]) -> int:
    since = contracts[-1].version
    for contract in reversed(contracts):
        if name not in contract.columns:
            break
        since = contract.version
    return since


def exempt_versions(contracts: Sequence[Contract]) -> dict[str, frozenset[int]]:
    """Return for each field of the latest version the versions that cannot have a value for it.

    They are older than the field, and its migration has no entry, or "null", or reads only fields that have no value either.
    Rows of these versions are exempt from the field being required. Rows of all others have it under some name, or migration
    fills it in.
    """
    steps = chain(contracts)
    filled = {contract.version: _filled(contract, steps[contract.version - 1 :]) for contract in contracts}
    latest = contracts[-1].columns
    return {name: frozenset(version for version, has in filled.items() if name not in has) for name in latest}


def sources(contract: Contract, steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """Return for each field after the steps the fields of this version that it is made from."""
    origin = {name: frozenset([name]) for name in contract.field_names}
    for step in steps:
        origin = {
            name: frozenset().union(*[origin.get(read, frozenset()) for read in expressions.columns(sql or "null")])
            for name, sql in step.expressions.items()
        }
    return origin


def _filled(contract: Contract, steps: Sequence[Step]) -> set[str]:
    """Return the fields that can have a value in a row of this version once it is migrated."""
    columns = set(contract.columns)
    filled, of_every_version = columns, columns - set(contract.field_names)
    for step in steps:
        filled = {name for name, sql in step.expressions.items() if sql is not None and _fills(sql, filled)}
    return filled | of_every_version


def _fills(sql: str, filled: set[str]) -> bool:
    read = expressions.columns(sql)
    return not expressions.is_null(sql) and (not read or not filled.isdisjoint(read))
