"""Write the SQL that Spark runs from the checked tree of an expression. Kinds of nodes that `sql_nodes` does not list are refused.

Spark never sees what an author wrote, only what is written here: nodes of those kinds, with no arguments but those
listed, names in backticks, texts escaped in full. So nothing that two parsers might read differently gets through.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from schema_registry import sql_functions as functions
from schema_registry.contract import MOST_DIGITS
from schema_registry.patterns import LONGEST_MATCHED
from schema_registry.sql_expansion import refuse_expansion
from schema_registry.sql_literals import literal_problem
from schema_registry.sql_nodes import BINARY, CHAINS, MATCHES, check_node
from schema_registry.sql_text import ParsedSql, SqlError
from schema_registry.sql_types import checked_time, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEEPEST = 100

_NUMBER = re.compile(r"[0-9]*\.?[0-9]*")


def spark_text(parsed: ParsedSql) -> str:
    """Return the SQL for Spark; SqlError for the first thing that contracts may not use."""
    try:
        text = _Writer(parsed).write(parsed.tree)
        refuse_expansion(parsed)
        return text
    except RecursionError:
        raise SqlError("it is nested too deeply") from None


class _Writer:
    """Writes one expression: a method for each kind of node."""

    def __init__(self, parsed: ParsedSql) -> None:
        self._parsed, self._depth = parsed, 0
        self._ways: dict[type[exp.Expr], Callable[[Any], str]] = {
            **dict.fromkeys(BINARY, self._binary),
            **dict.fromkeys(MATCHES, self._match),
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Null: lambda _: "NULL",
            exp.Boolean: lambda node: "true" if node.this else "false",
            exp.Paren: lambda node: self.write(node.this),
            exp.Not: lambda node: f"(NOT {self.write(node.this)})",
            exp.Neg: self._negative,
            exp.NullSafeNEQ: lambda node: f"(NOT ({self.write(node.this)} <=> {self.write(node.expression)}))",
            exp.Is: self._is,
            exp.In: lambda node: f"({self.write(node.this)} IN ({self._listed(node.expressions)}))",
            exp.Between: self._between,
            exp.Escape: self._escaped_like,
            exp.Case: self._case,
            exp.Anonymous: self._call,
            exp.TryCast: self._try_cast,
            exp.Cast: self._time_literal,
            exp.Extract: self._extract,
            exp.Substring: lambda node: (
                f"substring({self._all(node.this, node.args['start'], node.args.get('length'))})"
            ),
            exp.StrPosition: self._position,
            exp.Overlay: self._overlay,
            exp.Trim: self._trim,
        }

    def write(self, node: exp.Expr) -> str:
        """Return the node as SQL, in parentheses if it is more than a value or a call."""
        check_node(node)
        self._depth += 1
        if self._depth > DEEPEST:
            raise SqlError("it is nested too deeply")
        written = self._ways[type(node)](node)
        self._depth -= 1
        return written

    def _listed(self, nodes: Iterable[exp.Expr]) -> str:
        return ", ".join(self.write(node) for node in nodes)

    def _all(self, *nodes: exp.Expr | None) -> str:
        return self._listed(node for node in nodes if node is not None)

    def _column(self, node: exp.Column) -> str:
        return f"`{node.name.replace('`', '``')}`"

    def _literal(self, node: exp.Literal) -> str:
        text = self._parsed.text(node)
        if text is not None:
            return quoted(text)
        if not _NUMBER.fullmatch(node.name) or len(node.name.replace(".", "")) > MOST_DIGITS:
            raise SqlError(f"a number must be written as in 1 or 1.5, of at most 38 digits, got {node.name}")
        return node.name

    def _binary(self, node: exp.Binary) -> str:
        """Write a chain of one operator flat, without nesting, however long it is."""
        parts: list[exp.Expr] = [node.expression]
        kind, left = type(node), node.this
        while kind in CHAINS and type(left) is kind:
            parts.append(left.expression)
            left = left.this
        return "(" + f" {BINARY[kind]} ".join(self.write(part) for part in (left, *reversed(parts))) + ")"

    def _negative(self, node: exp.Neg) -> str:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return f"-{self._literal(node.this)}"
        return f"(- {self.write(node.this)})"

    def _is(self, node: exp.Is) -> str:
        if not isinstance(node.expression, exp.Null | exp.Boolean):
            raise SqlError("IS must be followed by NULL, TRUE or FALSE")
        return f"({self.write(node.this)} IS {self.write(node.expression)})"

    def _between(self, node: exp.Between) -> str:
        low, high = self.write(node.args["low"]), self.write(node.args["high"])
        return f"({self.write(node.this)} BETWEEN {low} AND {high})"

    def _case(self, node: exp.Case) -> str:
        value = "" if node.this is None else f" {self.write(node.this)}"
        whens = "".join(
            f" WHEN {self.write(each.this)} THEN {self.write(each.args['true'])}" for each in node.args["ifs"]
        )
        default = node.args.get("default")
        return f"(CASE{value}{whens}{'' if default is None else f' ELSE {self.write(default)}'} END)"

    def _match(self, node: exp.Binary, escape: exp.Expr | None = None) -> str:
        """Write LIKE, ILIKE or RLIKE with its pattern, or several: each a checked literal."""
        kind = MATCHES[type(node)]
        several, quantifier = _patterns(node.expression)
        name = "rlike" if kind == "RLIKE" else "like"
        for pattern in several:
            self._check(name, [node.this, pattern, *([] if escape is None else [escape])])
        negated = "NOT " if node.args.get("negate") else ""
        patterns = f"{quantifier} ({self._listed(several)})" if quantifier else self.write(several[0])
        ending = "" if escape is None else f" ESCAPE {self.write(escape)}"
        subject = self.write(node.this)
        plain = kind != "RLIKE" and all(functions.is_plain_like(self._parsed.text(each) or "") for each in several)
        return _guarded(subject, f"({subject} {negated}{kind} {patterns}{ending})", plain)

    def _escaped_like(self, node: exp.Escape) -> str:
        if type(node.this) not in (exp.Like, exp.ILike) or _patterns(node.this.expression)[1]:
            raise SqlError("ESCAPE must follow LIKE or ILIKE with one pattern")
        return self._match(node.this, node.expression)

    def _call(self, node: exp.Anonymous) -> str:
        name = node.name.lower()
        if name not in functions.FUNCTIONS or name in ("try_cast", "extract", "trim"):
            raise SqlError(f"function '{name}' {functions.REASON.get(name, 'is not one that contracts may use')}")
        arguments = node.expressions
        self._check(name, arguments)
        called = f"{name}({self._listed(arguments)})"
        if name not in functions.MATCHING:
            return called
        plain = name in ("like", "ilike") and functions.is_plain_like(self._parsed.text(arguments[1]) or "")
        return _guarded(self.write(arguments[0]), called, plain)

    def _check(self, name: str, arguments: list[exp.Expr]) -> None:
        problem = literal_problem(self._parsed, name, arguments)
        if problem is not None:
            raise SqlError(problem)

    def _try_cast(self, node: exp.TryCast) -> str:
        if not node.args.get("safe"):
            raise SqlError(f"'cast' {functions.REASON['cast']}, and write numbers plainly, as in 1 or 1.5")
        return f"try_cast({self.write(node.this)} AS {type_of(node.args['to'])})"

    def _time_literal(self, node: exp.Cast) -> str:
        """Write DATE '…' and TIMESTAMP '…'."""
        kind = type_of(node.args["to"])
        return f"{kind.upper()} {quoted(checked_time(self._parsed.text(node.this), kind))}"

    def _extract(self, node: exp.Extract) -> str:
        if node.this.name.lower() not in functions.UNITS:
            raise SqlError(f"extract must name a part of a time such as YEAR or HOUR, got {node.this.name}")
        return f"extract({node.this.name.upper()} FROM {self.write(node.expression)})"

    def _position(self, node: exp.StrPosition) -> str:
        arguments = [node.args["substr"], node.this, *([node.args["position"]] if node.args.get("position") else [])]
        self._check("locate", arguments)
        return f"locate({self._listed(arguments)})"

    def _overlay(self, node: exp.Overlay) -> str:
        return f"overlay({self._all(node.this, node.expression, node.args['from_'], node.args.get('for_'))})"

    def _trim(self, node: exp.Trim) -> str:
        side, signs = node.args.get("position") or "BOTH", node.expression
        if side not in ("BOTH", "LEADING", "TRAILING"):
            raise SqlError(f"trim must take BOTH, LEADING or TRAILING, got {side}")
        if signs is None:
            return f"trim({side} FROM {self.write(node.this)})"
        self._check("btrim", [node.this, signs])
        return f"trim({side} {self.write(signs)} FROM {self.write(node.this)})"


def quoted(text: str) -> str:
    """Return a literal that Spark reads back as this text. `$` is escaped too: Spark puts settings, also secrets, in for `${…}`."""
    signs = (f"\\u{ord(sign):04x}" if sign in "\\'$" or not (" " <= sign != "\x7f") else sign for sign in text)
    return f"'{''.join(signs)}'"


def _guarded(subject: str, match: str, plain: bool) -> str:
    """Return the match for texts that are short enough; others raise an error, which whoever runs it turns into a reason."""
    if plain:
        return match
    failure = f"raise_error('a pattern is tried on at most {LONGEST_MATCHED} characters')"
    return f"if((char_length({subject}) > {LONGEST_MATCHED}), {failure}, {match})"


def _patterns(node: exp.Expr) -> tuple[list[exp.Expr], str]:
    """Return the patterns of LIKE, and ANY or ALL if there are several."""
    if not isinstance(node, exp.Any | exp.All):
        return [node], ""
    inside = node.this
    several = inside.expressions if isinstance(inside, exp.Tuple) else [inside.unnest()]
    return several, "ANY" if isinstance(node, exp.Any) else "ALL"
