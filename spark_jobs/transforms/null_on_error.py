"""Evaluate expressions out of contracts so that no row can make a batch fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark import SparkContext
from pyspark.sql.classic.column import Column as ClassicColumn

if TYPE_CHECKING:
    from pyspark.sql import Column


def null_on_error(column: Column) -> Column:
    """Return the column, null in rows in which it raises an error.

    Spark has this as an expression (it is what try_add and others are made of), and no function for it.
    """
    jvm: Any = SparkContext._active_spark_context._jvm  # type: ignore[union-attr]  # a session may be active in another thread
    expressions = jvm.org.apache.spark.sql.classic.ExpressionUtils
    guarded = jvm.org.apache.spark.sql.catalyst.expressions.TryEval(expressions.expression(column._jc))
    return ClassicColumn(expressions.column(guarded))
