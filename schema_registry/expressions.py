"""Spark SQL snippets in contracts: what they read, and whether they may run over every row for ever.

A snippet must be one scalar expression that gives the same answer each time it is asked, and that uses nothing made
to fail. So functions are allowed by name, not forbidden by name: one that this page does not know is refused. Names
are read from the tokens, as written, because a parser may fold several functions into one. What text alone cannot
show (implicit casts, overflow, a bad regular expression) is for those who compile the snippet to make safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from schema_registry.errors import Where

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTIONS = _words(
    """
    coalesce nvl nvl2 ifnull nullif if isnull isnotnull greatest least
    lower lcase upper ucase initcap trim ltrim rtrim btrim length char_length character_length len octet_length
    concat concat_ws substring substr substring_index left right replace translate reverse overlay
    startswith endswith contains instr locate position ascii levenshtein soundex
    like ilike rlike regexp regexp_like regexp_extract regexp_replace regexp_count regexp_instr regexp_substr
    md5 sha sha1 sha2 crc32 hash xxhash64 base64 hex unhex url_encode try_url_decode
    abs sign signum round bround ceil ceiling floor
    try_add try_subtract try_multiply try_divide try_mod
    try_cast try_to_number try_to_timestamp try_to_date
    year quarter month day dayofmonth dayofweek dayofyear weekday weekofyear hour minute second extract date_part
    date_trunc trunc date_add date_sub datediff date_diff months_between last_day date_format
    unix_seconds unix_millis unix_micros
    """
)
_STRUCTURE = _words(
    "and or not in is case when then else between like ilike rlike regexp as from for escape any all some "
    "decimal dec numeric char varchar"
)
_REFUSED = {
    "depends on the clock": "now current_timestamp current_date current_time curdate localtimestamp localtime "
    "unix_timestamp current_timezone",
    "is not deterministic": "rand randn random randstr uniform uuid shuffle monotonically_increasing_id "
    "spark_partition_id input_file_name input_file_block_start input_file_block_length",
    "depends on the session": "current_user session_user user current_catalog current_database current_schema version",
    "runs code outside the contract": "java_method reflect try_reflect ai_query",
    "can fail a batch": "raise_error assert_true lpad rpad repeat add_months timestamp_seconds timestamp_millis "
    "timestamp_micros interval",
    "can fail a batch: use try_cast(x AS type)": "cast int integer bigint boolean date timestamp double float string",
    "can fail a batch: use try_divide or try_mod": "mod pmod div",
    "can fail a batch: use try_to_date, try_to_timestamp or try_to_number": "to_date to_timestamp to_number",
    "looks at more than one row": "sum count avg mean min max first last any_value collect_list collect_set "
    "row_number rank dense_rank lag lead ntile",
}
_REASON = {name: reason for reason, names in _REFUSED.items() for name in names.split()}
_BARE = _words(
    "current_timestamp current_date current_time localtimestamp localtime current_user session_user "
    "current_catalog current_schema current_database"
)
_NODES = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.RawString, exp.Null, exp.Boolean, exp.Paren, exp.Var),
    *(exp.Connector, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Escape, exp.Any, exp.All, exp.Tuple),
    *(exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.DPipe, exp.DataType, exp.DataTypeParam, exp.Func),
)
_MATCHES = (exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike, exp.RegexpExtract, exp.RegexpReplace, exp.RegexpCount)
_NO_CONDITION = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.DPipe, exp.Literal, exp.RawString)


def columns(sql: str) -> tuple[str, ...]:
    """The columns that `sql` reads, in order of appearance, once each; ContractError where it does not parse."""
    return _columns(_parse(sql, Where()))


def is_nothing(sql: str) -> bool:
    """Whether `sql` plainly says null and nothing else; ContractError where it does not parse."""
    said = _parse(sql, Where()).unnest()
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
    for problem in (*_refused_nodes(parsed), *_refused_words(sql), *_patterns(parsed), *_unknown(parsed, known)):
        raise where.error(f"expression {sql.strip()!r}: {problem}")
    return parsed


def _patterns(parsed: exp.Expr) -> Iterator[str]:
    """Patterns that only the rows know: one that is no pattern would fail their batch."""
    for node in parsed.find_all(*_MATCHES):
        pattern = node.args.get("expression")
        if pattern is None or pattern.find(exp.Column):
            yield "a pattern must be a text in quotes: one from a field can fail a batch"
        elif str(pattern.name).endswith("\\"):
            yield "a pattern cannot end in a backslash: it can fail a batch"


def _parse(sql: str, where: Where) -> exp.Expr:
    """The tree of one scalar expression."""
    refusal = f"expression {sql.strip()!r} must be a single Spark SQL expression"
    try:
        several = any(token.token_type == TokenType.SEMICOLON for token in sqlglot.tokenize(sql, read="spark"))
        parsed = None if several else sqlglot.parse_one(sql, read="spark", into=exp.Condition)
    except (SqlglotError, RecursionError) as failure:
        raise where.error(f"{refusal}: it does not parse") from failure
    if parsed is None:
        raise where.error(f"{refusal}, without ';'")
    return parsed


def _columns(parsed: exp.Expr) -> tuple[str, ...]:
    found = parsed.find_all(exp.Column, bfs=False)
    return tuple(dict.fromkeys(column.sql(dialect="spark", comments=False).replace("`", "") for column in found))


def _refused_nodes(parsed: exp.Expr) -> Iterator[str]:
    for node in parsed.walk(bfs=False):
        if isinstance(node, exp.Query | exp.Subquery):
            yield "subqueries are not allowed, only the fields of the row"
        elif isinstance(node, exp.Window | exp.AggFunc):
            yield f"'{_head(node)}' looks at more than one row, only the fields of the row are allowed"
        elif isinstance(node, exp.Div | exp.IntDiv | exp.Mod):
            yield "division can fail a batch: use try_divide or try_mod"
        elif not isinstance(node, _NODES):
            yield f"{type(node).__name__.lower()} in '{_head(node)}' is not allowed in a contract"


def _head(node: exp.Expr) -> str:
    return node.sql(dialect="spark").split("(")[0].lower()


def _refused_words(sql: str) -> Iterator[str]:
    """Functions that are not on the list, bare ones like current_date, and the `::` cast."""
    tokens = sqlglot.tokenize(sql, read="spark")
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        name = token.text.lower()
        if token.token_type == TokenType.DCOLON:
            yield f"'::' {_REASON['cast']}"
        elif _is_quoted_text(token):
            continue
        elif after is not None and after.token_type == TokenType.L_PAREN and name[:1].isidentifier():
            if name not in _FUNCTIONS and name not in _STRUCTURE:
                yield f"function '{name}' {_REASON.get(name, 'is not one that contracts may use')}"
        elif name in _BARE and token.token_type != TokenType.IDENTIFIER:
            yield f"'{name}' {_REASON[name]}"


def _is_quoted_text(token: Token) -> bool:
    return token.token_type in (TokenType.STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING)


def _unknown(parsed: exp.Expr, known: Collection[str]) -> Iterator[str]:
    for name in _columns(parsed):
        if name not in known:
            yield f"unknown field '{name}', expected one of {', '.join(known)}"
