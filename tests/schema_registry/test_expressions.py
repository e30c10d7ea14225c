"""schema_registry.expressions, with the modules sql_* below it: which expressions contracts may use.

Covers: schema_registry.sql_*.
"""

from __future__ import annotations

import pytest

from schema_registry import sql_nodes, sql_spark
from schema_registry.errors import ContractError, Where
from schema_registry.expressions import columns, validate, validate_condition
from schema_registry.sql_text import parse_sql

KNOWN = ("price", "quantity", "kind", "note")
HERE = Where(subject="s", version=1).at("r", "rule")

ALLOWED = [
    "price * quantity",
    "quantity >= 1 OR kind IN ('a', 'b')",
    "kind NOT IN ('a') AND NOT (price > 2.5)",
    "price BETWEEN 1 AND 2",
    "note RLIKE '^x' OR note LIKE 'a!%' ESCAPE '!'",
    "CASE WHEN kind = 'a' THEN price ELSE 0 END > 1",
    "if(note IS NULL, 'now()', note) <=> 'rand()'",
    "coalesce(note, 'unknown')",
    "concat_ws('-', lower(kind), substring(note, 1, 2))",
    "try_cast(note AS decimal(18,2))",
    "try_divide(price, quantity) > 1",
    "`note`",
    "null",
    "'unknown'",
    "1",
    "kind = 'a;b'",
    "note LIKE ANY ('x%', 'y%')",
    "regexp_extract(note, '(x)', 1) = 'x'",
]

REFUSED = [
    ("price >", "it does not parse"),
    ("", "it does not parse"),
    ("-- nothing", "comments are not allowed"),
    ("price; drop table b", "without ';'"),
    ("price;", "without ';'"),
    ("price AS p", "it does not parse"),
    ("price p", "it does not parse"),
    ("price, quantity", "it does not parse"),
    ("SELECT 1", "it does not parse"),
    ("(SELECT 1)", "subqueries are not allowed"),
    ("price IN (SELECT 1)", "subqueries are not allowed"),
    ("exists(SELECT 1)", "subqueries are not allowed"),
    ("*", "star in '*' is not allowed"),
    ("sum(price)", "'sum' looks at more than one row"),
    ("max(price) OVER (PARTITION BY kind)", "looks at more than one row"),
    ("row_number()", "looks at more than one row"),
    ("collect_list(price)", "looks at more than one row"),
    ("rand()", "function 'rand' is not deterministic"),
    ("RAND()", "function 'rand' is not deterministic"),
    ("`rand`()", "function 'rand' is not deterministic"),
    ("price + uuid()", "function 'uuid' is not deterministic"),
    ("monotonically_increasing_id()", "is not deterministic"),
    ("input_file_name()", "is not deterministic"),
    ("now()", "function 'now' depends on the clock"),
    ("current_timestamp", "'current_timestamp' depends on the clock"),
    ("current_timestamp()", "depends on the clock"),
    ("current_date > '2020-01-01'", "'current_date' depends on the clock"),
    ("current_user", "depends on the session"),
    ("raise_error('x')", "function 'raise_error' can fail a batch"),
    ("assert_true(price > 1)", "can fail a batch"),
    ("lpad(note, quantity, 'x') = 'y'", "function 'lpad' can fail a batch"),
    ("note LIKE kind", "a pattern must be a text in quotes"),
    ("note RLIKE kind", "a pattern must be a text in quotes"),
    ("regexp_replace(note, kind, '') = ''", "a pattern must be a text in quotes"),
    (r"note LIKE 'x\\'", "a pattern of LIKE may have a \\ only before %, _ or itself"),
    ("java_method('a', 'b')", "runs code outside the contract"),
    ("reflect('a', 'b')", "runs code outside the contract"),
    ("cast(note AS int)", "use try_cast(x AS type)"),
    ("note::int", "use try_cast(x AS type)"),
    ("price / quantity", "use try_divide"),
    ("price % quantity", "use try_divide or try_mod"),
    ("to_date(note)", "use try_to_date"),
    ("my_function(note)", "function 'my_function' is not one that contracts may use"),
    ("system.builtin.rand()", "is not allowed in a contract"),
    ("transform(note, x -> x)", "is not one that contracts may use"),
    ("coalesce(note, x -> x)", "lambda in 'x -> x' is not allowed in a contract"),
    (":parameter", "is not allowed in a contract"),
    ("size > 1", "unknown field 'size', expected one of price, quantity, kind, note"),
    ("Price > 1", "unknown field 'Price'"),
    ("t.price > 1", "unknown field 't.price'"),
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_one_pure_scalar_expression_is_allowed(sql: str) -> None:
    validate(sql, KNOWN, HERE)


@pytest.mark.parametrize(("sql", "problem"), REFUSED)
def test_anything_else_is_refused_with_its_reason(sql: str, problem: str) -> None:
    with pytest.raises(ContractError) as refused:
        validate(sql, KNOWN, HERE)
    assert problem in str(refused.value)
    assert str(refused.value).startswith(f"rule 'r': expression {sql!r}")
    assert (refused.value.subject, refused.value.version, refused.value.field) == ("s", 1, "r")


@pytest.mark.parametrize("sql", ["price + 1", "'yes'", "1", "-price", "(note || 'a')"])
def test_a_plain_value_is_no_condition(sql: str) -> None:
    validate(sql, KNOWN, HERE)
    with pytest.raises(ContractError, match="must be a condition, true or false"):
        validate_condition(sql, KNOWN, HERE)


@pytest.mark.parametrize("sql", ["price > 1", "true", "note IS NULL", "NOT (kind = 'a')", "startswith(note, 'a')"])
def test_a_comparison_is_a_condition(sql: str) -> None:
    validate_condition(sql, KNOWN, HERE)


def test_columns_come_once_each_in_order_of_appearance() -> None:
    assert columns("if(`note` = 'kind', price, price * quantity)") == ("note", "price", "quantity")


def test_columns_of_what_does_not_parse_are_an_error() -> None:
    with pytest.raises(ContractError, match="it does not parse"):
        columns("price >")


def test_every_kind_of_node_that_is_allowed_can_be_written_and_no_other() -> None:
    assert set(sql_spark._Writer(parse_sql("1"))._ways) == set(sql_nodes._ARGUMENTS)
