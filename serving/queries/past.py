"""Products and customers as they are and as they were."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from serving.models.sales import Address, CustomerVersion, Price, ProductVersion

if TYPE_CHECKING:
    from datetime import datetime

    from serving.database import Questions, Row

_DIGITS = re.compile(r"\+?([0-9]+)")

_PRODUCTS = """
SELECT product_id, product_name, category, brand, price FROM products
WHERE NOT _deleted AND (%(after)s::bigint IS NULL OR product_id > %(after)s)
    AND (%(name)s::text IS NULL OR product_name ILIKE %(name)s OR product_id = %(number)s::numeric)
ORDER BY product_id LIMIT %(limit)s
"""
_UNTIL = "CASE WHEN NOT is_current THEN valid_to END AS valid_to"
_PRICE = f"""
SELECT product_id, product_name, price, valid_from, {_UNTIL}, version
FROM products_as_of(%(at)s) WHERE product_id = %(product)s
"""
_ADDRESS = f"""
SELECT customer_id, address, city, country, valid_from, {_UNTIL}, version
FROM customers_as_of(%(at)s) WHERE customer_id = %(customer)s
"""
_PRODUCT_HISTORY = f"""
SELECT product_id, product_name, category, brand, price, cost, margin_percentage, is_current, valid_from, {_UNTIL}, version
FROM dim_product WHERE product_id = %(product)s ORDER BY dim_product.valid_from
"""
_CUSTOMER_HISTORY = f"""
SELECT customer_id, first_name, last_name, email, address, city, country, segment, is_current, valid_from, {_UNTIL}, version
FROM dim_customer WHERE customer_id = %(customer)s ORDER BY dim_customer.valid_from
"""


def products(ask: Questions, query: str | None, after: int | None, limit: int) -> list[Row]:
    """Products by their number or a part of their name, in order: one more than ``limit``, where there are more."""
    name = f"%{_literally(query)}%" if query else None
    number = _number(query or "")
    return ask.rows(_PRODUCTS, {"name": name, "number": number, "after": after, "limit": limit + 1})


def _number(text: str) -> str | None:
    """The digits of the number that the text spells; None where it spells none."""
    spelled = _DIGITS.fullmatch(text.strip())
    return spelled[1] if spelled else None


def _literally(text: str) -> str:
    """A text of which LIKE takes no character for a wildcard."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def price(ask: Questions, product: int, at: datetime) -> Price | None:
    """What a product cost at a moment; None where it was not there."""
    row = ask.row(_PRICE, {"product": product, "at": at})
    return Price.model_validate({**row, "at": at}) if row is not None else None


def address(ask: Questions, customer: int, at: datetime) -> Address | None:
    """Where a customer lived at a moment; None where they were none."""
    row = ask.row(_ADDRESS, {"customer": customer, "at": at})
    return Address.model_validate({**row, "at": at}) if row is not None else None


def product_history(ask: Questions, product: int) -> list[ProductVersion]:
    """A product's versions, oldest first."""
    return [ProductVersion.model_validate(row) for row in ask.rows(_PRODUCT_HISTORY, {"product": product})]


def customer_history(ask: Questions, customer: int) -> list[CustomerVersion]:
    """A customer's versions, oldest first."""
    return [CustomerVersion.model_validate(row) for row in ask.rows(_CUSTOMER_HISTORY, {"customer": customer})]
