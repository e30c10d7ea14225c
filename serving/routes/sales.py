"""/revenue, /products, /customers, /segments: what was sold, to whom, and what was true when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter

from serving import cursor as cursors
from serving.database import Questions
from serving.errors import AskedError, NotFoundError
from serving.models.common import Items, Page
from serving.models.sales import Day as DayOfSales
from serving.models.sales import LifetimeValue, Product, ProductRevenue, Segment, TopProducts
from serving.queries import past, sales
from serving.routes.asked import GREATEST, MISSING, PROBLEMS, Cursor, Day, From, Give, Limit, Number, To

router = APIRouter(tags=["sales"], responses=PROBLEMS)

Bigint = Annotated[int, Field(ge=0, le=GREATEST)]
Money = Annotated[Decimal, Field(max_digits=30, allow_inf_nan=False)]
_DAY = TypeAdapter(tuple[date])
_PRODUCT = TypeAdapter(tuple[Bigint])
_VALUE = TypeAdapter(tuple[Money, Bigint])


@router.get("/revenue/daily", response_model=Page[DayOfSales])
def days(
    request: Request, answers: Give, first: From = None, last: To = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Gross merchandise value by day, newest first."""
    _in_order(first, last)
    after = cursors.decode(cursor, _DAY)

    def page(ask: Questions) -> Page[DayOfSales]:
        rows = sales.days(ask, first, last, after[0] if after else None, limit)
        shown, following = cursors.page(rows, limit, ("order_date",))
        return Page[DayOfSales](items=[DayOfSales.model_validate(row) for row in shown], next=following)

    return answers.give(request, ("daily_gmv",), page)


@router.get("/revenue/products/{product_id}", response_model=ProductRevenue)
def revenue_of_product(
    request: Request, answers: Give, product_id: Number, first: From = None, last: To = None
) -> Response:
    """What a product sold, out of the facts themselves; the 30 days up to the newest where none are named."""
    _in_order(first, last)
    return answers.give(request, ("fact_orders",), lambda ask: sales.of_product(ask, product_id, first, last))


@router.get("/products", response_model=Page[Product])
def products(
    request: Request,
    answers: Give,
    query: Annotated[str | None, Query(max_length=200, description="A number, or a part of the name.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Products as they are, by number."""
    after = cursors.decode(cursor, _PRODUCT)

    def page(ask: Questions) -> Page[Product]:
        rows = past.products(ask, query, after[0] if after else None, limit)
        shown, following = cursors.page(rows, limit, ("product_id",))
        return Page[Product](items=[Product.model_validate(row) for row in shown], next=following)

    return answers.give(request, ("products",), page)


@router.get("/products/top", response_model=TopProducts)
def top(
    request: Request, answers: Give, day: Annotated[Day, Query(alias="date")] = None, limit: Limit = 10
) -> Response:
    """The best products of a day by revenue, the newest day where none is named."""
    return answers.give(request, ("top_products",), lambda ask: sales.top(ask, day, limit))


@router.get("/customers/lifetime-value", response_model=Page[LifetimeValue])
def values(request: Request, answers: Give, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """What customers have been worth, the most first."""
    after = cursors.decode(cursor, _VALUE)

    def page(ask: Questions) -> Page[LifetimeValue]:
        shown, following = cursors.page(sales.values(ask, after, limit), limit, ("lifetime_value", "customer_id"))
        return Page[LifetimeValue](items=[LifetimeValue.model_validate(row) for row in shown], next=following)

    return answers.give(request, ("customer_lifetime_value",), page)


@router.get("/customers/{customer_id}/lifetime-value", response_model=LifetimeValue, responses=MISSING)
def value(request: Request, answers: Give, customer_id: Number) -> Response:
    """What a customer has been worth."""

    def one(ask: Questions) -> LifetimeValue:
        found = sales.value(ask, customer_id)
        if found is None:
            raise NotFoundError(
                "this customer has ordered nothing so far, or there is none with this number", "customer_id"
            )
        return found

    return answers.give(request, ("customer_lifetime_value",), one)


@router.get("/segments", response_model=Items[Segment])
def segments(request: Request, answers: Give) -> Response:
    """Customers by segment."""
    return answers.give(request, ("customer_segments",), lambda ask: Items(items=sales.segments(ask)))


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise AskedError(422, "from is after to: swap them", "from")
