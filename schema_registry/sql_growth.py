"""How much longer a call can make a text: what grows by the square, or step by step, is refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlglot import exp

from schema_registry.sql_text import SqlError

if TYPE_CHECKING:
    from schema_registry.sql_text import Read

MOST_GROWTH = 100
_GROWS = {"hex": 8, "url_encode": 12, "base64": 6}
_CHOOSES = frozenset({"coalesce", "nvl", "nvl2", "ifnull", "nullif", "if", "greatest", "least"})


def refuse_growth(read: Read) -> None:
    """SqlError for an expression that makes, also on the way, a text far longer than what it reads."""
    _growth(read, read.tree)


def _growth(read: Read, node: exp.Expr) -> Counter[str]:
    """How many times each column's text can be in the result, at most."""
    parts = [_growth(read, each) for each in node.iter_expressions()]
    if isinstance(node, exp.Column):
        return Counter({node.name: 1})
    if isinstance(node, exp.Predicate | exp.Connector | exp.Not | exp.Escape):
        return Counter()
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    found: Counter[str] = Counter()
    for part in parts:
        found = found | part if name in _CHOOSES or isinstance(node, exp.Case | exp.If) else found + part
    times = _lengthens(read, node) if name in ("replace", "regexp_replace") else _GROWS.get(name, 1)
    if max(found.values(), default=0) * times > MOST_GROWTH:
        raise SqlError(f"it can make a text more than {MOST_GROWTH} times as long: replace by shorter texts")
    return Counter({column: count * times for column, count in found.items()})


def _lengthens(read: Read, call: exp.Expr) -> int:
    replacement = call.expressions[2] if len(call.expressions) > 2 else None
    text, found = read.text(replacement) or "", read.text(call.expressions[1]) or ""
    is_pattern = call.name.lower() == "regexp_replace"
    shortest = 1 if is_pattern else max(1, len(found))
    return 1 + -(-len(text) // shortest) + (text.count("$") if is_pattern else 0)
