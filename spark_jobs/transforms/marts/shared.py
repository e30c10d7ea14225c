"""Shared by marts: sales, ratios that are rounded once, and the exact columns of a table."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from spark_jobs.schemas_gold import GoldTable

_TERM = "decimal(28,2)"


def is_cancelled() -> Column:
    """True if the row's order is cancelled; one whose status is not known is not."""
    return F.col("status").eqNullSafe("cancelled")


def sales(facts: DataFrame) -> DataFrame:
    """Return the facts of orders that are not cancelled."""
    return facts.where(~is_cancelled())


def total(amounts: Column) -> Column:
    """Return the sum of amounts; 0 where there are none."""
    return F.coalesce(F.sum(amounts), F.lit(Decimal("0.00")))


def count_distinct_where(condition: Column, value: str) -> Column:
    """Return how many different values occur in rows of which the condition holds."""
    return F.count_distinct(F.when(condition, F.col(value)))


def quotient(numerator: Column, denominator: Column, places: int) -> Column:
    """Return the ratio of two amounts or counts, rounded half up to that many places; null where the denominator is 0.

    Neither is negative; each has up to 26 digits before the point and 2 behind. Rounded once: a division of decimals
    rounds by itself first, and rounding that again lifts 0.49999999996 to 1. So the remainder is taken off before, and
    what is divided divides evenly.
    """
    doubled = denominator.cast(_TERM) * 2
    lifted = numerator.cast(_TERM) * (2 * 10**places) + denominator.cast(_TERM)
    whole = (lifted - lifted % doubled) / doubled
    rounded: Column = whole * F.lit(Decimal(1).scaleb(-places))
    return rounded


def as_table(rows: DataFrame, table: GoldTable) -> DataFrame:
    """Return the rows with exactly the table's columns, in its order and of its types."""
    columns = from_arrow_schema(table.schema)
    return rows.select(*[F.col(column.name).cast(column.dataType).alias(column.name) for column in columns])
