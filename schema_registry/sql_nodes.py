"""The kinds of nodes that expressions in contracts may have, the arguments of each, and the errors for all others."""

from __future__ import annotations

from sqlglot import exp

from schema_registry.sql_text import SqlError

BINARY: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "<=>",
    exp.Sub: "-",
    exp.And: "AND",
    exp.Or: "OR",
    exp.Add: "+",
    exp.Mul: "*",
    exp.DPipe: "||",
}
CHAINS = (exp.And, exp.Or, exp.Add, exp.Mul, exp.DPipe)
MATCHES: dict[type[exp.Expr], str] = {exp.Like: "LIKE", exp.ILike: "ILIKE", exp.RegexpLike: "RLIKE"}
_ARGUMENTS: dict[type[exp.Expr], str] = {
    **dict.fromkeys((exp.Paren, exp.Not, exp.Neg, exp.Column, exp.Boolean), "this"),
    **dict.fromkeys((*BINARY, exp.NullSafeNEQ, exp.Is, exp.Escape), "this expression"),
    **dict.fromkeys(MATCHES, "this expression negate"),
    exp.DPipe: "this expression safe",
    exp.Literal: "this is_string",
    exp.Null: "",
    exp.In: "this expressions",
    exp.Between: "this low high",
    exp.Case: "this ifs default",
    exp.Anonymous: "this expressions",
    exp.TryCast: "this to safe",
    exp.Cast: "this to",
    exp.Extract: "this expression",
    exp.Substring: "this start length",
    exp.StrPosition: "this substr position",
    exp.Overlay: "this expression from_ for_",
    exp.Trim: "this expression position",
}


def check_node(node: exp.Expr) -> None:
    """Refuse (SqlError) a node of a kind that is not listed, or with an argument that is not listed for its kind."""
    allowed = _ARGUMENTS.get(type(node))
    if allowed is None:
        raise SqlError(_refusal(node))
    given = {name for name, value in node.args.items() if value not in (None, False, [])}
    unused = given - set(allowed.split())
    if unused:
        raise SqlError(_refusal(node, f"{min(unused)} in '{_head(node)}' is not allowed in a contract"))


def _refusal(node: exp.Expr, otherwise: str = "") -> str:
    """Return why a node is refused."""
    if isinstance(node, exp.Query | exp.Subquery) or node.find(exp.Query, exp.Subquery):
        return "subqueries are not allowed, only the fields of the row"
    if isinstance(node, exp.Window | exp.AggFunc):
        return f"'{_head(node)}' looks at more than one row, only the fields of the row are allowed"
    if isinstance(node, exp.Div | exp.IntDiv | exp.Mod):
        return "division can fail a batch: use try_divide or try_mod"
    return otherwise or f"{type(node).__name__.lower()} in '{_head(node)}' is not allowed in a contract"


def _head(node: exp.Expr) -> str:
    return node.sql(dialect="spark", comments=False).split("(")[0].lower()
