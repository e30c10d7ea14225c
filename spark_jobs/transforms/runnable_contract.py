"""Check that Spark can run a contract's expressions and patterns, before it is frozen and before a table is made by it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from schema_registry.expressions import spark_sql
from schema_registry.sql_spark import quoted
from spark_jobs.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject

# PySpark logs a refused expression with its whole stack; the one sentence of RuleError says what matters.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)

_TEXTS = ("", "x(\\$1'%_", "9" * 40, "2026-02-30", "\u0130\u00df\U0001f600")
#: Odd texts by type; numbers have _NUMBERS.
_ODD = {
    "string": _TEXTS,
    "boolean": ("true", "false"),
    "date": ("2024-02-29", "1969-12-31"),
    "timestamp": ("2024-02-29T23:59:59.999999Z", "1969-12-31T23:59:59Z"),
}
_NUMBERS = ("0", "1", "-7")
_ROWS = 7


def require_runnable(spark: SparkSession, subject: Subject) -> None:
    """RuleError unless Spark can run them all; it names the first that it cannot. On a few odd rows, by the planner: no job.

    Numbers and times are ordinary here: where an extreme one makes an expression fail, that is a reason of its row.
    """
    latest = subject.latest
    for field in latest.fields:
        if field.pattern is not None:
            _compile(spark, rf"\A(?:{field.pattern})\z", f"{subject.name} v{latest.version}: field '{field.name}'")
    _run(
        _rows(spark, {field.name: field.type.sql for field in latest.row_fields}),
        _row_expressions(latest),
        subject.name,
    )
    for older, newer in zip(subject.contracts, subject.contracts[1:], strict=False):
        named = {f"v{newer.version}: migrate '{name}'": sql for name, sql in newer.migrate.items()}
        _run(_rows(spark, dict.fromkeys(older.columns, "string")), named, subject.name)


def _row_expressions(latest: Contract) -> dict[str, str]:
    """Return the expressions of the latest version, by the name of their place in the contract."""
    version = f"v{latest.version}: "
    needed = {f"{version}field '{f.name}'": f.required_when for f in latest.fields if f.required_when is not None}
    rules = {f"{version}rule '{rule.name}'": rule.check for rule in latest.rules}
    return {**needed, **rules, **{f"{version}derive '{each.name}'": each.expr for each in latest.derive}}


def _compile(spark: SparkSession, pattern: str, place: str) -> None:
    jvm: Any = spark._jvm
    try:
        jvm.java.util.regex.Pattern.compile(pattern)
    except Py4JJavaError as failure:
        raise RuleError(f"{place}: Spark cannot run its pattern: {_first_line(failure.java_exception)}") from None


def _rows(spark: SparkSession, types: Mapping[str, str]) -> DataFrame:
    """Return rows of nulls and odd values, with columns of these types."""
    rows = (", ".join(_value(type_, place) for type_ in types.values()) for place in range(_ROWS))
    names = ", ".join(f"`{name}`" for name in types)
    values = ", ".join(f"({row})" for row in rows)
    return spark.sql(f"SELECT * FROM VALUES {values} AS odd({names})")  # noqa: S608 (names and types were checked)


def _value(type_: str, place: int) -> str:
    texts = _ODD.get(type_, _NUMBERS)
    text = (None, *texts)[place % (len(texts) + 1)]
    return f"try_cast({'NULL' if text is None else quoted(text)} AS {type_})"


def _run(rows: DataFrame, named: Mapping[str, str], subject: str) -> None:
    """RuleError unless Spark can run the named expressions: all at once, and one by one only to find the one that fails."""
    if _failure(rows, named.values()) is None:
        return
    for place, sql in named.items():
        reason = _failure(rows, [sql])
        if reason is not None:
            raise RuleError(f"{subject} {place}: Spark refuses the contract's {sql!r}: {reason}")


def _failure(rows: DataFrame, expressions: Iterable[str]) -> str | None:
    """Return why Spark cannot run these expressions; None where it can."""
    try:
        columns = [F.expr(spark_sql(sql)) for sql in expressions]
        if columns:
            rows.select(F.hash(*columns)).collect()
    except (PySparkException, Py4JJavaError) as failure:
        return _first_line(failure.java_exception if isinstance(failure, Py4JJavaError) else failure)
    return None


def _first_line(failure: object) -> str:
    return (str(failure).splitlines() or ["unknown"])[0]
