"""The gate ``non_negative_money``: no amount is missing or below zero, and a line's total is that of its pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failing_rows import failing_rows, sentence

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def non_negative_money(facts: DataFrame, payments: DataFrame) -> DataFrame:
    """Return the lines and payments (columns of FACT_ORDERS, FACT_PAYMENTS) with an impossible amount: order_date, row, detail.

    unit_price, line_total and amount are at least 0, quantity is at least 1, none is null, and line_total is exactly
    quantity × unit_price.
    """
    lines = failing_rows(
        facts,
        sentence("order line ", F.col("order_item_id")),
        _at_least("unit_price", 0),
        _at_least("line_total", 0),
        _at_least("quantity", 1),
        _unequal_total(),
    )
    paid = failing_rows(payments, sentence("payment ", F.col("payment_id")), _at_least("amount", 0))
    return lines.unionByName(paid)


def _at_least(name: str, least: int) -> Column:
    value = F.col(name)
    below = F.when(value < least, sentence(f"{name} ", value, f" is below {least}"))
    return F.when(value.isNull(), sentence(f"{name} is missing")).otherwise(below)


def _unequal_total() -> Column:
    """The total is another than of its pieces. Only where all three are given: what is missing has its own problem."""
    quantity, price, total = F.col("quantity"), F.col("unit_price"), F.col("line_total")
    return F.when(total != quantity * price, sentence("line_total ", total, " is not ", quantity, " × ", price))
