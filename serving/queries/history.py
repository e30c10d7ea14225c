"""Queries of the dimensions' history: the version at a point in time, and all versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.models.sales import Address, CustomerVersion, Price, ProductVersion

if TYPE_CHECKING:
    from datetime import datetime
    from typing import LiteralString

    from serving.database import Row, Transaction

_UNTIL = "CASE WHEN NOT is_current THEN valid_to END AS valid_to"
_PRICE = f"""
SELECT product_id, product_name, price, valid_from, {_UNTIL}, version
FROM products_as_of(%(at)s) WHERE product_id = %(number)s
"""
_ADDRESS = f"""
SELECT customer_id, address, city, country, valid_from, {_UNTIL}, version
FROM customers_as_of(%(at)s) WHERE customer_id = %(number)s
"""
_PRODUCT_HISTORY = f"""
SELECT product_id, product_name, category, brand, price, cost, margin_percentage, is_current, valid_from, {_UNTIL}, version
FROM dim_product WHERE product_id = %(number)s ORDER BY dim_product.valid_from
"""
_CUSTOMER_HISTORY = f"""
SELECT customer_id, first_name, last_name, email, address, city, country, segment, is_current, valid_from, {_UNTIL}, version
FROM dim_customer WHERE customer_id = %(number)s ORDER BY dim_customer.valid_from
"""


def price(tx: Transaction, product: int, at: datetime) -> Price | None:
    """Return the price of a product at a moment; None where there was no such product then."""
    return Price.from_row(_at(tx, _PRICE, product, at))


def address(tx: Transaction, customer: int, at: datetime) -> Address | None:
    """Return the address of a customer at a moment; None where there was no such customer then."""
    return Address.from_row(_at(tx, _ADDRESS, customer, at))


def _at(tx: Transaction, query: LiteralString, number: int, at: datetime) -> Row | None:
    row = tx.row(query, {"number": number, "at": at})
    return {**row, "at": at} if row is not None else None


def product_history(tx: Transaction, product: int) -> Sequence[ProductVersion]:
    """Return all versions of a product, oldest first."""
    return ProductVersion.from_rows(tx.rows(_PRODUCT_HISTORY, {"number": product}))


def customer_history(tx: Transaction, customer: int) -> Sequence[CustomerVersion]:
    """Return all versions of a customer, oldest first."""
    return CustomerVersion.from_rows(tx.rows(_CUSTOMER_HISTORY, {"number": customer}))
