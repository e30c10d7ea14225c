"""orders_by_status: how far the orders of a date have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas_gold import ORDERS_BY_STATUS
from spark_jobs.transforms.marts.shared import as_table, quotient, total

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def orders_by_status(orders: DataFrame) -> DataFrame:
    """Return one row per date and status that an order of the date has: the columns of ``ORDERS_BY_STATUS``.

    orders and amount (the sum of total_amount, as the orders say it, not their lines) are of that status; nothing is
    left out, cancelled orders are a status like others. share = orders / the date's orders, to six places, each rounded
    by itself: a date's shares may miss 1 by a few millionths. Nothing is null.
    """
    by_status = orders.groupBy("order_date", "status").agg(
        F.count("*").alias("orders"), total(F.col("total_amount")).alias("amount")
    )
    of_the_date = F.sum("orders").over(Window.partitionBy("order_date"))
    return as_table(by_status.withColumn("share", quotient(F.col("orders"), of_the_date, 6)), ORDERS_BY_STATUS)
