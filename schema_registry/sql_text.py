r"""Contract SQL as written, to a tree whose texts and names are known for sure, before anything is made of it.

Texts are read here and not by the parser, which then sees numbered stand-ins: what a backslash means must not hang on a
parser. `\\ \' \" \n \r \t` are what they are everywhere; any other backslash stays, so '^\d' is a digit. Those that Spark
reads as something else again (`\b` is a backspace) are refused. Calls stay calls: the parser folds none into another.
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
"""An expression of more characters is refused: parsers and compilers take more than their share for it."""


class SqlError(ValueError):
    """Why a text is no expression that contracts may use."""


class NotOneExpressionError(SqlError):
    """The text is not one expression at all."""


@dataclass(frozen=True, slots=True)
class Read:
    """One expression: its tree, in which a text is the number of its place in `texts`."""

    tree: exp.Expr
    texts: tuple[str, ...]

    def text(self, node: object) -> str | None:
        """The text that a node stands for; None where it is no text in quotes."""
        return self.texts[int(node.name)] if isinstance(node, exp.Literal) and node.is_string else None


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_ODD = frozenset("bZuU0123456789")
_OWN_GRAMMAR = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "SUBSTR", "TRIM", "OVERLAY")


class _ContractParser(SparkParser):
    """Spark's grammar, with every call as it was written."""

    FUNCTIONS: ClassVar = {}
    FUNCTION_PARSERS: ClassVar = {name: SparkParser.FUNCTION_PARSERS[name] for name in _OWN_GRAMMAR}
    NO_PAREN_FUNCTIONS: ClassVar = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar = {"CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}


class ContractSql(Spark):
    """The dialect of contracts: a part of Spark's."""

    Parser = _ContractParser


def read(sql: str) -> Read:
    """The one scalar expression that `sql` spells; SqlError where it spells none, or hides something."""
    if len(sql) > LONGEST:
        raise SqlError(f"it has {len(sql)} characters, at most {LONGEST} are allowed")
    try:
        tokens = sqlglot.tokenize(sql, read=ContractSql)
        _refuse_comments(sql, tokens)
        if any(token.token_type == TokenType.SEMICOLON for token in tokens):
            raise NotOneExpressionError(", without ';'")
        stood_in, texts = _with_stand_ins(sql, tokens)
        tree = sqlglot.parse_one(stood_in, read=ContractSql, into=exp.Condition)
    except (SqlglotError, RecursionError) as failure:
        raise NotOneExpressionError(": it does not parse") from failure
    return Read(tree, texts)


def _refuse_comments(sql: str, tokens: list[Token]) -> None:
    """Between two tokens there is white space and nothing else: what a parser passes over, another may run."""
    at = 0
    for token in (*tokens, None):
        between = sql[at : len(sql) if token is None else token.start]
        if between.strip():
            raise SqlError(f"comments are not allowed, got {between.strip()!r}: put them in the YAML, after a #")
        at = at if token is None else max(at, token.end + 1)


def _with_stand_ins(sql: str, tokens: list[Token]) -> tuple[str, tuple[str, ...]]:
    pieces: list[str] = []
    texts: list[str] = []
    at = 0
    for start, end, text in _texts(sql, tokens):
        pieces.append(f"{sql[at:start]} '{len(texts)}' ")
        texts.append(text)
        at = end
    return "".join([*pieces, sql[at:]]), tuple(texts)


def _texts(sql: str, tokens: list[Token]) -> Iterator[tuple[int, int, str]]:
    """Where each text starts and ends, and what it says. Two that touch are one, with a quote between: 'it''s'."""
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
    """What a text in quotes says."""
    if quoted[0] in "rR" and len(quoted) > 2 and quoted[1] == quoted[-1] and quoted[1] in "'\"":
        return quoted[2:-1]
    if len(quoted) < 2 or quoted[0] not in "'\"" or quoted[-1] != quoted[0]:
        raise NotOneExpressionError(": it does not parse")
    return _ESCAPE.sub(_unescaped, quoted[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    sign = match[1]
    if sign in _ODD:
        raise SqlError(
            f"a backslash before {sign} is not read alike everywhere: write \\\\{sign} for the backslash itself"
        )
    return _ESCAPES.get(sign, match[0])
