"""Check the arguments of calls that must be literals: patterns, replacements, formats, numbers of groups and digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from schema_registry import sql_functions as functions

if TYPE_CHECKING:
    from schema_registry.sql_text import ParsedSql

_MESSAGES = {
    "pattern": "a pattern must be a text in quotes: one from a field can fail a batch",
    "like": "a pattern must be a text in quotes: one from a field can fail a batch",
    "escape": "ESCAPE must be one character in quotes",
    "replacement": "a replacement must be a text in quotes: one from a field can fail a batch",
    "output_format": "a format must be a text in quotes: one from a field can fail a batch",
    "input_format": "a format must be a text in quotes: one from a field can fail a batch",
    "unit": "a part of a time must be a text in quotes, such as 'year' or 'hour'",
}
_NUMBERS = {
    "group": (0, 99, "the number of a group"),
    "place": (1, 2**31 - 1, "the place to start from"),
    "digits": (-38, 38, "the number of digits"),
    "bits": (0, 512, "the number of bits"),
}


def literal_problem(parsed: ParsedSql, name: str, arguments: list[exp.Expr]) -> str | None:
    """Return why a call's literals are refused; None if they are allowed, or the function needs none."""
    kinds = functions.LITERALS.get(name, {})
    for place, kind in kinds.items():
        if place < len(arguments):
            problem = _problem(parsed, name, arguments, place, kind)
            if problem is not None:
                return problem
    if name == "regexp_extract" and len(arguments) == 2:
        return _group_problem(parsed, name, arguments, 1)
    if name in ("ltrim", "rtrim") and len(arguments) > 1:
        side = "LEADING" if name == "ltrim" else "TRAILING"
        return f"{name} takes one text: use trim({side} 'signs' FROM text)"
    return None


def _problem(parsed: ParsedSql, name: str, arguments: list[exp.Expr], place: int, kind: str) -> str | None:
    if kind in _NUMBERS:
        return _number_problem(parsed, name, arguments, place, kind)
    text = parsed.text(arguments[place])
    if text is None:
        what = _MESSAGES.get(kind, f"what {name} looks for must be a text in quotes: with one from a field its time or")
        return what if kind in _MESSAGES else f"{what} its result can grow by the square"
    if kind == "pattern":
        problem = functions.pattern_problem(text, whole=False)
        return None if problem is None else f"pattern {text!r}: {problem}"
    if kind == "like":
        escape = parsed.text(arguments[2]) if len(arguments) > 2 else "\\"
        return None if escape is None else functions.like_problem(text, escape)
    if kind == "replacement":
        return functions.replacement_problem(text, functions.groups_in(parsed.text(arguments[1])))
    return _text_problem(text, kind)


def _text_problem(text: str, kind: str) -> str | None:
    if kind == "escape" and len(text) != 1:
        return _MESSAGES[kind]
    if kind == "unit" and text.lower() not in functions.UNITS:
        return f"{_MESSAGES[kind]}, got {text!r}"
    return functions.format_problem(text, kind) if kind in ("output_format", "input_format") else None


def _number_problem(parsed: ParsedSql, name: str, arguments: list[exp.Expr], place: int, kind: str) -> str | None:
    low, high, what = _NUMBERS[kind]
    number = _whole(arguments[place])
    if number is None or not low <= number <= high:
        return f"{what} in {name} must be a plain number from {low} to {high}"
    return _group_problem(parsed, name, arguments, number) if kind == "group" else None


def _group_problem(parsed: ParsedSql, name: str, arguments: list[exp.Expr], number: int) -> str | None:
    groups = functions.groups_in(parsed.text(arguments[1]))
    if number <= groups:
        return None
    return f"{name} asks for group {number} of a pattern that has {groups}: put ( ) around what is wanted, or ask for group 0"


def _whole(node: exp.Expr) -> int | None:
    is_negative = isinstance(node, exp.Neg)
    inner = node.this if is_negative else node
    if not isinstance(inner, exp.Literal) or inner.is_string or not inner.name.isdecimal():
        return None
    return -int(inner.name) if is_negative else int(inner.name)
