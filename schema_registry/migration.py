"""The chain from a row's version to the latest, over text: migration comes before typing.

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
    """One version onward: for every field of `to_version`, Spark SQL over the text fields of `from_version`.

    None stands for null; whatever type an expression has, its text is meant ("1" gives '1').
    Example: {"full_name": "name", "email": "`email`", "phone": None}.
    """

    from_version: int
    to_version: int
    expressions: Mapping[str, str | None] = field(hash=False)


def chain(contracts: Sequence[Contract]) -> tuple[Step, ...]:
    """The steps v1→v2, v2→v3, … for contracts given in order of version; empty for a single one."""
    return tuple(_step(older, newer) for older, newer in pairwise(contracts))


def _step(older: Contract, newer: Contract) -> Step:
    expressions = {name: _expression(name, older, newer) for name in newer.field_names}
    return Step(older.version, newer.version, expressions)


def _expression(name: str, older: Contract, newer: Contract) -> str | None:
    if name in newer.migrate:
        return newer.migrate[name]
    return f"`{name}`" if name in older.field_names else None


def introduced_in(contracts: Sequence[Contract]) -> dict[str, int]:
    """For each field of the latest version, the version since which it has always been there under its name.

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
    """For each field of the latest version, the versions whose rows have none by their contracts' own word.

    They came before the field, and migration says nothing of it, or "null", or makes it of fields of which that holds. A row of
    such a version cannot be blamed for lacking the field. Every other row has it under some name, or migration fills it in.
    """
    steps = chain(contracts)
    filled = {contract.version: _filled(contract, steps[contract.version - 1 :]) for contract in contracts}
    latest = contracts[-1].columns
    return {name: frozenset(version for version, has in filled.items() if name not in has) for name in latest}


def sources(contract: Contract, steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """For each field that the steps lead to, the fields of this version that it is made from."""
    origin = {name: frozenset([name]) for name in contract.field_names}
    for step in steps:
        origin = {
            name: frozenset().union(*[origin.get(read, frozenset()) for read in expressions.columns(sql or "null")])
            for name, sql in step.expressions.items()
        }
    return origin


def _filled(contract: Contract, steps: Sequence[Step]) -> set[str]:
    """What a row of this version can have a value in once the steps are done."""
    columns = set(contract.columns)
    filled, of_every_version = columns, columns - set(contract.field_names)
    for step in steps:
        filled = {name for name, sql in step.expressions.items() if sql is not None and _fills(sql, filled)}
    return filled | of_every_version


def _fills(sql: str, filled: set[str]) -> bool:
    read = expressions.columns(sql)
    return not expressions.is_nothing(sql) and (not read or not filled.isdisjoint(read))
