"""customer_segments: customers grouped by how recently, how often and for how much they bought (RFM)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas_gold import CUSTOMER_SEGMENTS
from spark_jobs.transforms.marts.customer_lifetime_value import customer_lifetime_value
from spark_jobs.transforms.marts.shared import as_table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

#: The segments, each with its rule: the first that holds decides. Whoever ordered on the last day is neither
#: at risk nor lost, even where all have the score 1, as when there is one customer.
SEGMENTS: tuple[tuple[str, str], ...] = (
    ("champions", "recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4"),
    ("loyal", "recency_score >= 3 AND frequency_score >= 4"),
    ("new", "recency_score >= 4 AND frequency = 1"),
    ("promising", "recency_score >= 4"),
    ("at_risk", "recency_score <= 2 AND recency_days > 0 AND (frequency_score >= 3 OR monetary_score >= 4)"),
    ("lost", "recency_score = 1 AND recency_days > 0"),
    ("regular", "true"),
)


def customer_segments(facts: DataFrame, payments: DataFrame, customers: DataFrame) -> DataFrame:
    """Return one row per customer with an order that is not cancelled: the columns of ``CUSTOMER_SEGMENTS``.

    as_of_date is the last date on which anything was ordered, cancelled or not: no clock, so the same facts give the
    same segments. recency_days is from the customer's last order to it, frequency the number of orders, monetary the
    lifetime value. Each is scored 1 + ⌊5 × customers that are strictly worse / customers⌋, 1 to 5: equals have equal
    scores. segment: see ``SEGMENTS``. declared_segment is that of the customer's current version; null where there is
    none, or it names none.
    """
    last_day = facts.agg(F.max("order_date").alias("as_of_date"))
    scored = (
        customer_lifetime_value(facts, payments)
        .crossJoin(F.broadcast(last_day))
        .withColumns(
            {
                "recency_days": F.date_diff("as_of_date", "last_order_date"),
                "frequency": F.col("orders"),
                "monetary": F.col("lifetime_value"),
            }
        )
        .transform(_scored)
    )
    current = customers.where("is_current").select("customer_id", F.col("segment").alias("declared_segment"))
    with_segments = scored.withColumn("segment", _segment()).join(current, "customer_id", "left")
    return as_table(with_segments, CUSTOMER_SEGMENTS)


def _scored(rows: DataFrame) -> DataFrame:
    return rows.withColumns(
        {
            "recency_score": _score(F.desc("recency_days")),
            "frequency_score": _score(F.asc("frequency")),
            "monetary_score": _score(F.asc("monetary")),
        }
    )


def _score(from_the_worst: Column) -> Column:
    """Score from 1 to 5. A rank counts those before its equals, which takes all rows in one place: narrow ones, one a customer."""
    everyone = Window.partitionBy(F.lit(0))
    worse = F.rank().over(everyone.orderBy(from_the_worst)) - 1
    return 1 + F.call_function("div", 5 * worse.cast("bigint"), F.count("*").over(everyone))


def _segment() -> Column:
    matching = [F.when(F.expr(rule), name) for name, rule in SEGMENTS]
    return F.coalesce(*matching)
