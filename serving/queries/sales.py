"""Sales by day and product, and what customers are worth."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from serving.models.sales import LifetimeValue, ProductRevenue, Segment, TopProducts

if TYPE_CHECKING:
    from serving.database import Questions, Row

#: Days that are shown of a product where none are named.
DAYS = 30

_DAYS = """
SELECT * FROM daily_gmv
WHERE (%(first)s::date IS NULL OR order_date >= %(first)s) AND (%(last)s::date IS NULL OR order_date <= %(last)s)
    AND (%(after)s::date IS NULL OR order_date < %(after)s)
ORDER BY order_date DESC LIMIT %(limit)s
"""
_NEWEST_FACT = "SELECT max(order_date) AS day FROM fact_orders"
_OF_PRODUCT = """
SELECT order_date, sum(quantity)::bigint AS units, sum(line_total) AS revenue
FROM fact_orders
WHERE product_id = %(product)s AND order_date BETWEEN %(first)s AND %(last)s AND status <> 'cancelled'
GROUP BY order_date ORDER BY order_date
"""
_ORDERS_OF_PRODUCT = """
SELECT count(DISTINCT order_id) AS orders, coalesce(sum(quantity), 0)::bigint AS units, coalesce(sum(line_total), 0.00) AS revenue
FROM fact_orders
WHERE product_id = %(product)s AND order_date BETWEEN %(first)s AND %(last)s AND status <> 'cancelled'
"""
_TOP = """
SELECT * FROM top_products
WHERE order_date = coalesce(%(day)s::date, (SELECT max(order_date) FROM top_products)) ORDER BY rank LIMIT %(limit)s
"""
_VALUES = """
SELECT * FROM customer_lifetime_value
WHERE (%(value)s::numeric IS NULL OR (lifetime_value, customer_id) < (%(value)s::numeric, %(customer)s::bigint))
ORDER BY lifetime_value DESC, customer_id DESC LIMIT %(limit)s
"""
_VALUE = "SELECT * FROM customer_lifetime_value WHERE customer_id = %(customer)s"
_SEGMENTS = """
SELECT segment, count(*) AS customers, coalesce(sum(monetary), 0.00) AS monetary,
    round(avg(recency_days), 1) AS average_recency_days, round(avg(frequency), 2) AS average_frequency
FROM customer_segments GROUP BY segment ORDER BY monetary DESC, segment
"""


def days(ask: Questions, first: date | None, last: date | None, after: date | None, limit: int) -> list[Row]:
    """Days, newest first: one more than ``limit``, where there are more."""
    return ask.rows(_DAYS, {"first": first, "last": last, "after": after, "limit": limit + 1})


def of_product(ask: Questions, product: int, first: date | None, last: date | None) -> ProductRevenue:
    """What a product sold, asked of the facts themselves; the 30 days up to the newest fact where none are named."""
    newest = ask.row(_NEWEST_FACT)
    last = last or max(filter(None, (first, newest["day"] if newest is not None else None)), default=None)
    first = first or (max(last, date.min + timedelta(DAYS)) - timedelta(DAYS - 1) if last is not None else None)
    values = {"product": product, "first": first, "last": last}
    told = ask.row(_ORDERS_OF_PRODUCT, values)
    assert told is not None
    days = ask.rows(_OF_PRODUCT, values)
    return ProductRevenue.model_validate({**values, "product_id": product, **told, "days": days})


def top(ask: Questions, day: date | None, limit: int) -> TopProducts:
    """The best products of a day, the newest where none is named."""
    rows = ask.rows(_TOP, {"day": day, "limit": limit})
    return TopProducts.model_validate({"order_date": rows[0]["order_date"] if rows else day, "items": rows})


def values(ask: Questions, after: tuple[Decimal, int] | None, limit: int) -> list[Row]:
    """What customers are worth, the most first: one more than ``limit``, where there are more."""
    value, customer = after or (None, None)
    return ask.rows(_VALUES, {"value": value, "customer": customer, "limit": limit + 1})


def value(ask: Questions, customer: int) -> LifetimeValue | None:
    """What a customer is worth; None where nothing was ordered."""
    row = ask.row(_VALUE, {"customer": customer})
    return LifetimeValue.model_validate(row) if row is not None else None


def segments(ask: Questions) -> list[Segment]:
    """The segments, the most money first."""
    return [Segment.model_validate(row) for row in ask.rows(_SEGMENTS)]
