"""Limit how much longer than its input an expression can make a text; what grows by the square, or step by step, is refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlglot import exp

from schema_registry.sql_text import SqlError

if TYPE_CHECKING:
    from schema_registry.sql_text import ParsedSql

MOST_EXPANSION = 100
_FACTORS = {"hex": 8, "url_encode": 12, "base64": 6}
_SELECTING = frozenset({"coalesce", "nvl", "nvl2", "ifnull", "nullif", "if", "greatest", "least"})


def refuse_expansion(parsed: ParsedSql) -> None:
    """Refuse (SqlError) an expression whose result, or an intermediate one, can be a text far longer than what it reads."""
    _expansion(parsed, parsed.tree)


def _expansion(parsed: ParsedSql, node: exp.Expr) -> Counter[str]:
    """Return for each column how many times its text can be in the result, at most."""
    parts = [_expansion(parsed, each) for each in node.iter_expressions()]
    if isinstance(node, exp.Column):
        return Counter({node.name: 1})
    if isinstance(node, exp.Predicate | exp.Connector | exp.Not | exp.Escape):
        return Counter()
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    found: Counter[str] = Counter()
    for part in parts:
        found = found | part if name in _SELECTING or isinstance(node, exp.Case | exp.If) else found + part
    times = _replacement_factor(parsed, node) if name in ("replace", "regexp_replace") else _FACTORS.get(name, 1)
    if max(found.values(), default=0) * times > MOST_EXPANSION:
        raise SqlError(f"it can make a text more than {MOST_EXPANSION} times as long: replace by shorter texts")
    return Counter({column: count * times for column, count in found.items()})


def _replacement_factor(parsed: ParsedSql, call: exp.Expr) -> int:
    """Return how many times as long a replacement can make a text, at most."""
    replacement = call.expressions[2] if len(call.expressions) > 2 else None
    text, found = parsed.text(replacement) or "", parsed.text(call.expressions[1]) or ""
    is_pattern = call.name.lower() == "regexp_replace"
    shortest = 1 if is_pattern else max(1, len(found))
    return 1 + -(-len(text) // shortest) + (text.count("$") if is_pattern else 0)
