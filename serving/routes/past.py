"""Prices and addresses at a moment, and histories."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.database import Questions
from serving.errors import NotFoundError
from serving.models.common import Items
from serving.models.sales import Address, CustomerVersion, Price, ProductVersion
from serving.queries import past
from serving.routes.asked import MISSING, PROBLEMS, At, Give, Number, now

router = APIRouter(tags=["history"], responses={**PROBLEMS, **MISSING})

PRODUCTS, CUSTOMERS = ("dim_product",), ("dim_customer",)


@router.get("/products/{product_id}/price", response_model=Price)
def price(request: Request, answers: Give, product_id: Number, at: At = None) -> Response:
    """What a product cost at a moment."""
    moment = at or now()

    def one(ask: Questions) -> Price:
        found = past.price(ask, product_id, moment)
        if found is None:
            raise NotFoundError("there was no product with this number at that moment", "product_id")
        return found

    return answers.give(request, PRODUCTS, one, also=moment.isoformat())


@router.get("/products/{product_id}/history", response_model=Items[ProductVersion])
def product_history(request: Request, answers: Give, product_id: Number) -> Response:
    """All versions of a product, oldest first."""

    def all_of(ask: Questions) -> Items[ProductVersion]:
        found = past.product_history(ask, product_id)
        if not found:
            raise NotFoundError("there never was a product with this number", "product_id")
        return Items(items=found)

    return answers.give(request, PRODUCTS, all_of)


@router.get("/customers/{customer_id}/address", response_model=Address)
def address(request: Request, answers: Give, customer_id: Number, at: At = None) -> Response:
    """Where a customer lived at a moment."""
    moment = at or now()

    def one(ask: Questions) -> Address:
        found = past.address(ask, customer_id, moment)
        if found is None:
            raise NotFoundError("there was no customer with this number at that moment", "customer_id")
        return found

    return answers.give(request, CUSTOMERS, one, also=moment.isoformat())


@router.get("/customers/{customer_id}/history", response_model=Items[CustomerVersion])
def customer_history(request: Request, answers: Give, customer_id: Number) -> Response:
    """All versions of a customer, oldest first."""

    def all_of(ask: Questions) -> Items[CustomerVersion]:
        found = past.customer_history(ask, customer_id)
        if not found:
            raise NotFoundError("there never was a customer with this number", "customer_id")
        return Items(items=found)

    return answers.give(request, CUSTOMERS, all_of)
