"""Make the star of Silver and history: facts, one per order line and one per payment, and inferred members.

Keys are resolved at the moment the order was placed: to the version that held then. Where none did, the fact points to the inferred
member of its natural key, which is that key's negative; surrogate keys are positive, so neither is ever taken for the other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from pyspark.sql import Column, DataFrame

#: Beyond so many spans of dates, a filter by the dates one by one costs Spark more than reading what lies between.
SPANS = 64


def live_orders(orders: DataFrame) -> DataFrame:
    """Return the orders that are not deleted: order_id, customer_id, order_time, order_date (its day in UTC), status, total_amount.

    An order of which only partial updates have come, so that its customer or its time is unknown, is left out.
    """
    placed = F.col("order_date")
    is_known = placed.isNotNull() & F.col("customer_id").isNotNull()
    return orders.where(~F.col("_deleted") & is_known).select(
        "order_id",
        "customer_id",
        placed.alias("order_time"),
        F.to_date(placed).alias("order_date"),
        "status",
        "total_amount",
    )


def live_items(items: DataFrame) -> DataFrame:
    """Return the order lines that are not deleted: order_item_id, order_id, product_id, quantity, unit_price, line_total."""
    columns = ("order_item_id", "order_id", "product_id", "quantity", "unit_price", "line_total")
    return items.where(~F.col("_deleted")).select(*columns)


def live_payments(payments: DataFrame) -> DataFrame:
    """Return the payments that are not deleted: payment_id, order_id, method, status, amount, paid_at."""
    columns = ("payment_id", "order_id", "method", "status", "amount", "paid_at")
    return payments.where(~F.col("_deleted")).select(*columns)


def fact_orders(orders: DataFrame, items: DataFrame, customers: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per line of a live order: the columns of ``FACT_ORDERS``. A line without its order is no fact yet."""
    lines = items.join(orders, "order_id", "inner")
    known = _with_member_key(_with_member_key(lines, customers, "customer"), products, "product")
    return known.withColumn("date_key", date_key(F.col("order_date"))).select(
        "order_item_id",
        "order_id",
        "date_key",
        "order_time",
        "customer_id",
        "customer_key",
        "product_id",
        "product_key",
        "status",
        "quantity",
        "unit_price",
        "line_total",
        "order_date",
    )


def fact_payments(orders: DataFrame, payments: DataFrame, customers: DataFrame) -> DataFrame:
    """Return one row per payment of a live order, under the order's date: the columns of ``FACT_PAYMENTS``."""
    placed = orders.select("order_id", "customer_id", "order_time", "order_date")
    known = _with_member_key(payments.join(placed, "order_id", "inner"), customers, "customer")
    return known.withColumn("date_key", date_key(F.col("order_date"))).select(
        "payment_id",
        "order_id",
        "date_key",
        "customer_id",
        "customer_key",
        "method",
        "status",
        "amount",
        "paid_at",
        "order_date",
    )


def inferred_members(facts: DataFrame) -> DataFrame:
    """Return the members that facts point to and no dimension holds: the columns of ``INFERRED_MEMBERS``."""
    found = [
        facts.where(F.col(f"{dimension}_key") < 0)
        .groupBy(F.col(f"{dimension}_key").alias("member_key"))
        .agg(F.min("order_time").alias("first_order_time"), F.count("*").alias("facts"))
        .select(
            F.lit(dimension).alias("dimension"),
            "member_key",
            (-F.col("member_key")).alias("natural_key"),
            "first_order_time",
            "facts",
        )
        for dimension in ("customer", "product")
    ]
    return found[0].unionByName(found[1])


def date_key(day: Column) -> Column:
    """Return a date as the number YYYYMMDD."""
    return (F.year(day) * 10_000 + F.month(day) * 100 + F.dayofmonth(day)).cast("int")


def on_days(moment: Column, days: Iterable[date]) -> Column:
    """True if a moment lies on one of these days in UTC (at least one); in literal ranges, by which Spark leaves files out."""
    spans = _spans(sorted(days))
    within = F.lit(False)
    for first, last in spans if len(spans) <= SPANS else [(spans[0][0], spans[-1][1])]:
        within = within | ((moment >= F.lit(_midnight(first))) & (moment < F.lit(_midnight(last + timedelta(days=1)))))
    if len(spans) <= SPANS:
        return within
    return within & F.to_date(moment).isin([day for first, last in spans for day in _days(first, last)])


def _spans(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return days, given in order, as spans without a gap, both ends included."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][1] <= timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _with_member_key(rows: DataFrame, versions: DataFrame, dimension: str) -> DataFrame:
    """Add the surrogate key of the version that is valid at order_time; where there is none, the inferred member's."""
    natural, surrogate = f"{dimension}_id", f"{dimension}_key"
    known = versions.select(F.col(natural).alias("_natural"), surrogate, "valid_from", "valid_to")
    moment = F.col("order_time")
    holds = (F.col(natural) == F.col("_natural")) & (F.col("valid_from") <= moment) & (moment < F.col("valid_to"))
    found = rows.join(known, holds, "left").drop("_natural", "valid_from", "valid_to")
    return found.withColumn(surrogate, F.coalesce(F.col(surrogate), -F.col(natural)))
