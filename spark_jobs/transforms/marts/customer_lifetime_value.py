"""customer_lifetime_value: what a customer has brought so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.schemas_gold import CUSTOMER_LIFETIME_VALUE
from spark_jobs.transforms.marts.shared import as_table, quotient, sales, total

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def customer_lifetime_value(facts: DataFrame, payments: DataFrame) -> DataFrame:
    """Return one row per customer with an order that is not cancelled: the columns of ``CUSTOMER_LIFETIME_VALUE``.

    lifetime_value = gross_amount − refunded_amount: the lines of the customer's orders less the refunded payments for
    the same orders. A refund for a cancelled order is left out, as its lines are: it would take off what was never
    added. Less than nothing where more was refunded than the lines say. average_order_value = gross_amount / orders, to
    the cent. Nothing is null.
    """
    sold = sales(facts)
    gross = sold.groupBy("customer_id").agg(
        F.min("order_date").alias("first_order_date"),
        F.max("order_date").alias("last_order_date"),
        F.count_distinct("order_id").alias("orders"),
        F.sum("quantity").alias("units"),
        F.sum("line_total").alias("gross_amount"),
    )
    back = F.coalesce(F.col("_refunded"), F.lit(0)).cast("decimal(28,2)")
    values = gross.join(_refunds(sold, payments), "customer_id", "left").withColumns(
        {
            "refunded_amount": back,
            "lifetime_value": F.col("gross_amount") - back,
            "average_order_value": quotient(F.col("gross_amount"), F.col("orders"), 2),
        }
    )
    return as_table(values, CUSTOMER_LIFETIME_VALUE)


def _refunds(sold: DataFrame, payments: DataFrame) -> DataFrame:
    """Return what was paid back to each customer for orders in ``sold``. An order of many lines counts once."""
    order = ["customer_id", "order_id"]
    refunded = payments.where(F.col("status") == "refunded").join(sold.select(*order), order, "left_semi")
    return refunded.groupBy("customer_id").agg(total(F.col("amount")).alias("_refunded"))
