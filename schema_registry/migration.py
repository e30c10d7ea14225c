"""The chain from a row's version to the latest, over text: migration comes before typing.

A field that the version before has too keeps its text, unless `migrate` says otherwise; a new field is null,
unless `migrate` says otherwise. A rename is an entry that names the old field: `migrate: {full_name: name}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

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

    A row received in an earlier version cannot be blamed for lacking the field: it is required only of rows
    received as that version or later. A renamed field counts as introduced by the version that renames it.
    """
    return {name: _since(name, contracts) for name in contracts[-1].columns}


def _since(name: str, contracts: Sequence[Contract]) -> int:
    since = contracts[-1].version
    for contract in reversed(contracts):
        if name not in contract.columns:
            break
        since = contract.version
    return since
