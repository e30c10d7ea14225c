r"""Parse contract SQL into a tree whose texts and names are certain.

Texts in quotes are read here and replaced by numbers before the parser sees them: parsers do not agree on what a backslash
means. `\\ \' \" \n \r \t` are what they are everywhere; any other backslash stays, so '^\d' is a digit. Those that Spark
reads differently (`\b` is a backspace) are refused. Function calls stay as they are written: the parser rewrites none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError
from sqlglot.parsers.spark import SparkParser

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 20_000
"""An expression of more characters is refused, as parsing and compiling it would take too long."""


class SqlError(ValueError):
    """The text is not an expression that contracts may use; the message says why."""


class NotOneExpressionError(SqlError):
    """The text is not one expression at all."""


@dataclass(frozen=True, slots=True)
class ParsedSql:
    """A parsed expression: its tree, in which each text in quotes is replaced by its position in `texts`."""

    tree: exp.Expr
    texts: tuple[str, ...]

    def text(self, node: object) -> str | None:
        """Return the text of a node; None if it is not a text in quotes."""
        return self.texts[int(node.name)] if isinstance(node, exp.Literal) and node.is_string else None


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_AMBIGUOUS = frozenset("bZuU0123456789")
_SPECIAL_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "SUBSTR", "TRIM", "OVERLAY")


class _ContractParser(SparkParser):
    """Spark's grammar, with every call kept as it was written."""

    FUNCTIONS: ClassVar = {}
    FUNCTION_PARSERS: ClassVar = {name: SparkParser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX}
    NO_PAREN_FUNCTIONS: ClassVar = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar = {"CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}


class ContractSql(Spark):
    """The dialect of contracts: a part of Spark's."""

    Parser = _ContractParser


def parse_sql(sql: str) -> ParsedSql:
    """Parse the one scalar expression in `sql`; SqlError if it is none, or has comments."""
    if len(sql) > LONGEST:
        raise SqlError(f"it has {len(sql)} characters, at most {LONGEST} are allowed")
    try:
        tokens = sqlglot.tokenize(sql, read=ContractSql)
        _refuse_comments(sql, tokens)
        if any(token.token_type == TokenType.SEMICOLON for token in tokens):
            raise NotOneExpressionError(", without ';'")
        replaced, texts = _replace_texts(sql, tokens)
        tree = sqlglot.parse_one(replaced, read=ContractSql, into=exp.Condition)
    except (SqlglotError, RecursionError) as failure:
        raise NotOneExpressionError(": it does not parse") from failure
    return ParsedSql(tree, texts)


def _refuse_comments(sql: str, tokens: list[Token]) -> None:
    """Refuse all but white space between tokens: what one parser skips, another may run."""
    at = 0
    for token in (*tokens, None):
        between = sql[at : len(sql) if token is None else token.start]
        if between.strip():
            raise SqlError(f"comments are not allowed, got {between.strip()!r}: put them in the YAML, after a #")
        at = at if token is None else max(at, token.end + 1)


def _replace_texts(sql: str, tokens: list[Token]) -> tuple[str, tuple[str, ...]]:
    """Return the SQL with each text in quotes replaced by its number, and the texts."""
    pieces: list[str] = []
    texts: list[str] = []
    at = 0
    for start, end, text in _texts(sql, tokens):
        pieces.append(f"{sql[at:start]} '{len(texts)}' ")
        texts.append(text)
        at = end
    return "".join([*pieces, sql[at:]]), tuple(texts)


def _texts(sql: str, tokens: list[Token]) -> Iterator[tuple[int, int, str]]:
    """Yield where each text in quotes starts and ends, and its value. Two that touch are one, with a quote between: 'it''s'."""
    found: tuple[int, int, str] | None = None
    for token in tokens:
        if token.token_type not in (TokenType.STRING, TokenType.RAW_STRING):
            continue
        start, end, text = token.start, token.end + 1, _value(sql[token.start : token.end + 1])
        if found is not None and found[1] == start and sql[start - 1] == sql[start]:
            found = (found[0], end, found[2] + sql[start] + text)
            continue
        if found is not None:
            yield found
        found = (start, end, text)
    if found is not None:
        yield found


def _value(quoted: str) -> str:
    """Return the value of a text in quotes."""
    if quoted[0] in "rR" and len(quoted) > 2 and quoted[1] == quoted[-1] and quoted[1] in "'\"":
        return quoted[2:-1]
    if len(quoted) < 2 or quoted[0] not in "'\"" or quoted[-1] != quoted[0]:
        raise NotOneExpressionError(": it does not parse")
    return _ESCAPE.sub(_unescape, quoted[1:-1])


def _unescape(match: re.Match[str]) -> str:
    sign = match[1]
    if sign in _AMBIGUOUS:
        raise SqlError(
            f"a backslash before {sign} is not read alike everywhere: write \\\\{sign} for the backslash itself"
        )
    return _ESCAPES.get(sign, match[0])
