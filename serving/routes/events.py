"""/events: summaries of what visitors did, by hour, category and segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from serving.models.common import ApiModel, Items
from serving.models.events import CategoryPerformance, HourOfEvents, SegmentOfUsers
from serving.queries import events
from serving.response_cache import ResponseCache
from serving.routes.dependencies import ERRORS, CacheDep, EventHours

if TYPE_CHECKING:
    from typing import LiteralString

router = APIRouter(prefix="/events", tags=["events"], responses=ERRORS)

EVENTS = ("ecommerce_events",)


@router.get("/hourly", response_model=Items[HourOfEvents])
def hourly(request: Request, cache: CacheDep, hours: EventHours = 24) -> Response:
    """Events by hour and type, oldest first."""
    return _summary(request, cache, HourOfEvents, events.HOURLY, hours)


@router.get("/categories", response_model=Items[CategoryPerformance])
def categories(request: Request, cache: CacheDep, hours: EventHours = 24) -> Response:
    """The funnel of each category, the most revenue first."""
    return _summary(request, cache, CategoryPerformance, events.CATEGORIES, hours)


@router.get("/segments", response_model=Items[SegmentOfUsers])
def segments(request: Request, cache: CacheDep, hours: EventHours = 24) -> Response:
    """The events of each segment of users, the most revenue first."""
    return _summary(request, cache, SegmentOfUsers, events.SEGMENTS, hours)


def _summary(
    request: Request, cache: ResponseCache, model: type[ApiModel], query: LiteralString, hours: int
) -> Response:
    return cache.respond(request, EVENTS, lambda tx: Items(items=model.from_rows(events.summary(tx, query, hours))))
