"""Spark SQL expressions in contracts: the columns they read, their checks, and the SQL that Spark runs for them.

An expression must be scalar and deterministic, and must not use functions that can fail. `sql_text` parses it; `sql_spark`
writes what Spark runs, from the parsed tree alone. Whatever either does not know is refused, so what was checked is what
runs. The text alone does not show implicit casts and overflow: whoever runs an expression must handle its failing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from schema_registry import sql_functions as functions
from schema_registry.errors import Where
from schema_registry.sql_spark import spark_text
from schema_registry.sql_text import NotOneExpressionError, ParsedSql, SqlError, parse_sql

if TYPE_CHECKING:
    from collections.abc import Collection

_NO_CONDITION = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.DPipe, exp.Literal)


def columns(sql: str) -> tuple[str, ...]:
    """Return the columns that `sql` reads, in order of appearance, once each; ContractError if it does not parse."""
    return _columns(_parse(sql, Where()).tree)


@lru_cache(maxsize=4096)
def spark_sql(sql: str) -> str:
    """Return the SQL that Spark runs for `sql`; ContractError for what contracts may not use.

    It raises an error in Spark for a row that makes it fail (a text too long for a pattern): whoever runs it must catch that.
    """
    return _spark_text(_parse(sql, Where()), sql, Where())


def is_null(sql: str) -> bool:
    """True if `sql` is a literal null, cast or not; ContractError if it does not parse."""
    node = _parse(sql, Where()).tree.unnest()
    while isinstance(node, exp.Cast):
        node = node.this.unnest()
    return isinstance(node, exp.Null)


def validate(sql: str, known: Collection[str], where: Where) -> None:
    """Refuse (ContractError at `where`) all but one scalar, deterministic expression over the `known` columns."""
    _validated(sql, known, where)


def validate_condition(sql: str, known: Collection[str], where: Where) -> None:
    """Validate, and refuse an expression that cannot be a condition, such as `price * quantity`."""
    if isinstance(_validated(sql, known, where).unnest(), _NO_CONDITION):
        raise where.error(f"expression {sql.strip()!r} must be a condition, true or false")


def _validated(sql: str, known: Collection[str], where: Where) -> exp.Expr:
    parsed = _parse(sql, where)
    for name in _columns(parsed.tree):
        if name not in known:
            raise where.error(f"expression {sql.strip()!r}: {_unknown(name, known)}")
    _spark_text(parsed, sql, where)
    return parsed.tree


def _parse(sql: str, where: Where) -> ParsedSql:
    try:
        return parse_sql(sql)
    except NotOneExpressionError as failure:
        raise where.error(f"expression {sql.strip()!r} must be a single Spark SQL expression{failure}") from failure
    except SqlError as failure:
        raise where.error(f"expression {sql.strip()!r}: {failure}") from failure


def _spark_text(parsed: ParsedSql, sql: str, where: Where) -> str:
    try:
        return spark_text(parsed)
    except SqlError as failure:
        raise where.error(f"expression {sql.strip()!r}: {failure}") from failure


def _columns(tree: exp.Expr) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(column) for column in tree.find_all(exp.Column, bfs=False)))


def _name(column: exp.Column) -> str:
    return ".".join(part.name for part in column.parts)


def _unknown(name: str, known: Collection[str]) -> str:
    if name.lower() in functions.WITHOUT_PARENTHESES:
        return f"'{name}' {functions.REASON[name.lower()]}"
    return f"unknown field '{name}', expected one of {', '.join(known)}"
