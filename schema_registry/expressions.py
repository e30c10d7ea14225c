"""Spark SQL snippets in contracts: what they read, whether they may run over every row for ever, and what Spark is handed.

A snippet must be one scalar expression that gives the same answer each time it is asked, and that uses nothing made
to fail. `sql_text` reads it, `sql_spark` writes what Spark runs, from the tree and from nothing else; whatever either does
not know is refused, so what was checked is what runs. What text alone cannot show (implicit casts, overflow) is for those
who run the snippet to make safe.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from schema_registry import sql_functions as functions
from schema_registry.errors import Where
from schema_registry.sql_spark import spark_text
from schema_registry.sql_text import NotOneExpressionError, Read, SqlError, read

if TYPE_CHECKING:
    from collections.abc import Collection

_NO_CONDITION = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.DPipe, exp.Literal)


def columns(sql: str) -> tuple[str, ...]:
    """The columns that `sql` reads, in order of appearance, once each; ContractError where it does not parse."""
    return _columns(_parse(sql, Where()).tree)


@lru_cache(maxsize=4096)
def spark_sql(sql: str) -> str:
    """What Spark is handed for `sql`; ContractError for what contracts may not say.

    Where a row makes it fail (a text too long for a pattern), it raises an error: run it so that this is an answer.
    """
    return _written(_parse(sql, Where()), sql, Where())


def is_nothing(sql: str) -> bool:
    """Whether `sql` plainly says null and nothing else; ContractError where it does not parse."""
    said = _parse(sql, Where()).tree.unnest()
    while isinstance(said, exp.Cast):
        said = said.this.unnest()
    return isinstance(said, exp.Null)


def validate(sql: str, known: Collection[str], where: Where) -> None:
    """Refuse (ContractError at `where`) what is not one pure scalar expression over the `known` columns."""
    _validated(sql, known, where)


def validate_condition(sql: str, known: Collection[str], where: Where) -> None:
    """Like `validate`, and refuse what is plainly no condition, as in `price * quantity`."""
    if isinstance(_validated(sql, known, where).unnest(), _NO_CONDITION):
        raise where.error(f"expression {sql.strip()!r} must be a condition, true or false")


def _validated(sql: str, known: Collection[str], where: Where) -> exp.Expr:
    parsed = _parse(sql, where)
    for name in _columns(parsed.tree):
        if name not in known:
            raise where.error(f"expression {sql.strip()!r}: {_unknown(name, known)}")
    _written(parsed, sql, where)
    return parsed.tree


def _parse(sql: str, where: Where) -> Read:
    try:
        return read(sql)
    except NotOneExpressionError as failure:
        raise where.error(f"expression {sql.strip()!r} must be a single Spark SQL expression{failure}") from failure
    except SqlError as failure:
        raise where.error(f"expression {sql.strip()!r}: {failure}") from failure


def _written(parsed: Read, sql: str, where: Where) -> str:
    try:
        return spark_text(parsed)
    except SqlError as failure:
        raise where.error(f"expression {sql.strip()!r}: {failure}") from failure


def _columns(tree: exp.Expr) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(column) for column in tree.find_all(exp.Column, bfs=False)))


def _name(column: exp.Column) -> str:
    return ".".join(part.name for part in column.parts)


def _unknown(name: str, known: Collection[str]) -> str:
    if name.lower() in functions.BARE:
        return f"'{name}' {functions.REASON[name.lower()]}"
    return f"unknown field '{name}', expected one of {', '.join(known)}"
