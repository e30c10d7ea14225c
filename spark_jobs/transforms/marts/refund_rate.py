"""refund_rate: how much of what was paid for a date's orders was paid back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.schemas_gold import REFUND_RATE
from spark_jobs.transforms.marts.shared import as_table, count_distinct_where, quotient, total

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def refund_rate(payments: DataFrame) -> DataFrame:
    """Return one row per date with a payment for its orders, whatever its status: the columns of ``REFUND_RATE``.

    The date is that of the order: a refund changes the date of the sale that it undoes, however late it comes. A
    payment was paid if it is captured or refunded (it was captured before); authorised and failed ones are left out. An
    order counts once, however many payments it has. refund_rate = refunded_amount / paid_amount, to six places; null
    where the amount paid is 0.
    """
    paid, refunded = F.col("status").isin("captured", "refunded"), F.col("status") == "refunded"
    dates = payments.groupBy("order_date").agg(
        count_distinct_where(paid, "order_id").alias("paid_orders"),
        total(F.when(paid, F.col("amount"))).alias("paid_amount"),
        count_distinct_where(refunded, "order_id").alias("refunded_orders"),
        total(F.when(refunded, F.col("amount"))).alias("refunded_amount"),
    )
    rate = quotient(F.col("refunded_amount"), F.col("paid_amount"), 6)
    return as_table(dates.withColumn("refund_rate", rate), REFUND_RATE)
