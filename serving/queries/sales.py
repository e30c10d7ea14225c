"""Queries of sales by day and product, of products, and of customers' lifetime values and segments."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from serving.models.sales import LifetimeValue, ProductRevenue, Segment, TopProducts

if TYPE_CHECKING:
    from serving.database import Row, Transaction

#: Days of a product's revenue where the request names none.
DEFAULT_DAYS = 30
_DIGITS = re.compile(r"\+?([0-9]+)")

_DAYS = """
SELECT * FROM daily_gmv
WHERE (%(first)s::date IS NULL OR order_date >= %(first)s) AND (%(last)s::date IS NULL OR order_date <= %(last)s)
    AND (%(after)s::date IS NULL OR order_date < %(after)s)
ORDER BY order_date DESC LIMIT %(limit)s
"""
_NEWEST_FACT = "SELECT max(order_date) AS day FROM fact_orders"
_REVENUE_OF_PRODUCT = """
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
_PRODUCTS = """
SELECT product_id, product_name, category, brand, price FROM products
WHERE NOT _deleted AND (%(after)s::bigint IS NULL OR product_id > %(after)s)
    AND (%(name)s::text IS NULL OR product_name ILIKE %(name)s OR product_id = %(number)s::numeric)
ORDER BY product_id LIMIT %(limit)s
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


def days(tx: Transaction, first: date | None, last: date | None, after: date | None, limit: int) -> list[Row]:
    """Return rows of sales by day, newest first: one more than ``limit`` where there are more."""
    return tx.rows(_DAYS, {"first": first, "last": last, "after": after, "limit": limit + 1})


def product_revenue(tx: Transaction, product: int, first: date | None, last: date | None) -> ProductRevenue:
    """Return a product's revenue by day out of the facts; of the 30 days up to the newest fact where none are named."""
    newest = tx.row(_NEWEST_FACT)
    last = last or max(filter(None, (first, newest["day"] if newest is not None else None)), default=None)
    first = first or (
        max(last, date.min + timedelta(DEFAULT_DAYS)) - timedelta(DEFAULT_DAYS - 1) if last is not None else None
    )
    values = {"product": product, "first": first, "last": last}
    totals = tx.row(_ORDERS_OF_PRODUCT, values)
    assert totals is not None
    days = tx.rows(_REVENUE_OF_PRODUCT, values)
    return ProductRevenue.model_validate({**values, "product_id": product, **totals, "days": days})


def products(tx: Transaction, query: str | None, after: int | None, limit: int) -> list[Row]:
    """Return rows of products whose number is the text or whose name contains it, by number: one more than ``limit``."""
    name = f"%{_escape_like(query)}%" if query else None
    number = _number(query or "")
    return tx.rows(_PRODUCTS, {"name": name, "number": number, "after": after, "limit": limit + 1})


def _number(text: str) -> str | None:
    """Return the digits of a text that is a whole number; None for any other."""
    match = _DIGITS.fullmatch(text.strip())
    return match[1] if match else None


def _escape_like(text: str) -> str:
    """Escape the wildcards of LIKE, so that it takes the text literally."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def top(tx: Transaction, day: date | None, limit: int) -> TopProducts:
    """Return the products with the most revenue on a day, the newest day where none is named."""
    rows = tx.rows(_TOP, {"day": day, "limit": limit})
    return TopProducts.model_validate({"order_date": rows[0]["order_date"] if rows else day, "items": rows})


def values(tx: Transaction, after: tuple[Decimal, int] | None, limit: int) -> list[Row]:
    """Return rows of lifetime values, the greatest first: one more than ``limit`` where there are more."""
    value, customer = after or (None, None)
    return tx.rows(_VALUES, {"value": value, "customer": customer, "limit": limit + 1})


def value(tx: Transaction, customer: int) -> LifetimeValue | None:
    """Return the lifetime value of a customer; None without any order."""
    return LifetimeValue.from_row(tx.row(_VALUE, {"customer": customer}))


def segments(tx: Transaction) -> list[Segment]:
    """Return the segments of customers, those that spent the most first."""
    return Segment.from_rows(tx.rows(_SEGMENTS))
