"""Products and customers through time: the price or address at a point in time, and all versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from serving.database import Transaction
from serving.errors import found_or_404
from serving.models.common import ApiModel, Items
from serving.models.sales import Address, CustomerVersion, Price, ProductVersion
from serving.queries import history
from serving.response_cache import ResponseCache
from serving.routes.dependencies import ERRORS, NOT_FOUND, At, CacheDep, Number, now

router = APIRouter(tags=["history"], responses={**ERRORS, **NOT_FOUND})

#: Also how the parameters (``product_id``) and the tables (``dim_product``) are named.
Entity = Literal["product", "customer"]


@router.get("/products/{product_id}/price", response_model=Price)
def price(request: Request, cache: CacheDep, product_id: Number, at: At = None) -> Response:
    """The price of a product at a point in time."""
    return _at_moment(request, cache, "product", history.price, product_id, at)


@router.get("/products/{product_id}/history", response_model=Items[ProductVersion])
def product_history(request: Request, cache: CacheDep, product_id: Number) -> Response:
    """All versions of a product, oldest first."""
    return _versions(request, cache, "product", history.product_history, product_id)


@router.get("/customers/{customer_id}/address", response_model=Address)
def address(request: Request, cache: CacheDep, customer_id: Number, at: At = None) -> Response:
    """The address of a customer at a point in time."""
    return _at_moment(request, cache, "customer", history.address, customer_id, at)


@router.get("/customers/{customer_id}/history", response_model=Items[CustomerVersion])
def customer_history(request: Request, cache: CacheDep, customer_id: Number) -> Response:
    """All versions of a customer, oldest first."""
    return _versions(request, cache, "customer", history.customer_history, customer_id)


def _at_moment(
    request: Request,
    cache: ResponseCache,
    entity: Entity,
    query: Callable[[Transaction, int, datetime], BaseModel | None],
    number: int,
    at: datetime | None,
) -> Response:
    """Respond with what the query finds of one product or customer at a moment, now where it is left out; or with 404."""
    moment = at or now()
    missing = f"there was no {entity} with this number at that moment"

    def work(tx: Transaction) -> BaseModel:
        return found_or_404(query(tx, number, moment), missing, f"{entity}_id")

    return cache.respond(request, (f"dim_{entity}",), work, also=moment.isoformat())


def _versions(
    request: Request,
    cache: ResponseCache,
    entity: Entity,
    query: Callable[[Transaction, int], Sequence[ApiModel]],
    number: int,
) -> Response:
    """Respond with all versions of one product or customer, or with 404 where there are none."""
    missing = f"there never was a {entity} with this number"

    def work(tx: Transaction) -> Items[ApiModel]:
        return Items(items=list(found_or_404(query(tx, number), missing, f"{entity}_id")))

    return cache.respond(request, (f"dim_{entity}",), work)
