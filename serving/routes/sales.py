"""/revenue, /products, /customers/lifetime-value, /segments: sales by day and product, and the customers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from serving import cursor as cursors
from serving.database import Transaction
from serving.errors import ApiError, found_or_404
from serving.models.common import Items, Page
from serving.models.sales import Day as DayOfSales
from serving.models.sales import LifetimeValue, Product, ProductRevenue, Segment, TopProducts
from serving.queries import sales
from serving.routes.dependencies import ERRORS, MAX_BIGINT, NOT_FOUND, CacheDep, Cursor, Day, From, Limit, Number, To

router = APIRouter(tags=["sales"], responses=ERRORS)

Bigint = Annotated[int, Field(ge=0, le=MAX_BIGINT)]
Money = Annotated[Decimal, Field(max_digits=30, allow_inf_nan=False)]
_DAY = TypeAdapter(tuple[date])
_PRODUCT = TypeAdapter(tuple[Bigint])
_VALUE = TypeAdapter(tuple[Money, Bigint])


@router.get("/revenue/daily", response_model=Page[DayOfSales])
def days(
    request: Request, cache: CacheDep, first: From = None, last: To = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Gross merchandise value by day, newest first."""
    _in_order(first, last)
    after = cursors.decode(cursor, _DAY)

    def page(tx: Transaction) -> Page[DayOfSales]:
        rows = sales.days(tx, first, last, after[0] if after else None, limit)
        return cursors.page_of(DayOfSales, rows, limit, ("order_date",))

    return cache.respond(request, ("daily_gmv",), page)


@router.get("/revenue/products/{product_id}", response_model=ProductRevenue)
def revenue_of_product(
    request: Request, cache: CacheDep, product_id: Number, first: From = None, last: To = None
) -> Response:
    """Revenue of a product by day, out of the facts; of the 30 days up to the newest where none are named."""
    _in_order(first, last)
    return cache.respond(request, ("fact_orders",), lambda tx: sales.product_revenue(tx, product_id, first, last))


@router.get("/products", response_model=Page[Product])
def products(
    request: Request,
    cache: CacheDep,
    query: Annotated[str | None, Query(max_length=200, description="A number, or a part of the name.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Products as they are, by number."""
    after = cursors.decode(cursor, _PRODUCT)

    def page(tx: Transaction) -> Page[Product]:
        rows = sales.products(tx, query, after[0] if after else None, limit)
        return cursors.page_of(Product, rows, limit, ("product_id",))

    return cache.respond(request, ("products",), page)


@router.get("/products/top", response_model=TopProducts)
def top(
    request: Request, cache: CacheDep, day: Annotated[Day, Query(alias="date")] = None, limit: Limit = 10
) -> Response:
    """The products with the most revenue on a day, the newest day where none is named."""
    return cache.respond(request, ("top_products",), lambda tx: sales.top(tx, day, limit))


@router.get("/customers/lifetime-value", response_model=Page[LifetimeValue])
def values(request: Request, cache: CacheDep, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Lifetime values of customers, the greatest first."""
    after = cursors.decode(cursor, _VALUE)

    def page(tx: Transaction) -> Page[LifetimeValue]:
        return cursors.page_of(LifetimeValue, sales.values(tx, after, limit), limit, ("lifetime_value", "customer_id"))

    return cache.respond(request, ("customer_lifetime_value",), page)


@router.get("/customers/{customer_id}/lifetime-value", response_model=LifetimeValue, responses=NOT_FOUND)
def value(request: Request, cache: CacheDep, customer_id: Number) -> Response:
    """Lifetime value of a customer."""

    missing = "this customer has ordered nothing so far, or there is none with this number"

    def one(tx: Transaction) -> LifetimeValue:
        return found_or_404(sales.value(tx, customer_id), missing, "customer_id")

    return cache.respond(request, ("customer_lifetime_value",), one)


@router.get("/segments", response_model=Items[Segment])
def segments(request: Request, cache: CacheDep) -> Response:
    """Customers by segment."""
    return cache.respond(request, ("customer_segments",), lambda tx: Items(items=sales.segments(tx)))


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise ApiError(422, "from is after to: swap them", "from")
