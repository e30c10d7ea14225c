"""daily_gmv: what was sold on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.schemas_gold import DAILY_GMV
from spark_jobs.transforms.marts.shared import as_table, count_distinct_where, is_cancelled, quotient, total

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def daily_gmv(facts: DataFrame) -> DataFrame:
    """Return one row per date on which anything was ordered: the columns of ``DAILY_GMV``.

    gmv (gross merchandise value) is the sum of the lines of orders that are not cancelled; orders, customers and units
    are those of the same lines. Cancelled orders stand beside them. A refund takes nothing off: it has its own mart.
    average_order_value = gmv / orders, to the cent; null where all orders of the date are cancelled.
    """
    sold = ~is_cancelled()
    dates = facts.groupBy("order_date").agg(
        count_distinct_where(sold, "order_id").alias("orders"),
        count_distinct_where(sold, "customer_id").alias("customers"),
        F.coalesce(F.sum(F.when(sold, F.col("quantity"))), F.lit(0)).alias("units"),
        total(F.when(sold, F.col("line_total"))).alias("gmv"),
        count_distinct_where(is_cancelled(), "order_id").alias("cancelled_orders"),
        total(F.when(is_cancelled(), F.col("line_total"))).alias("cancelled_amount"),
    )
    average = quotient(F.col("gmv"), F.col("orders"), 2)
    return as_table(dates.withColumn("average_order_value", average), DAILY_GMV)
