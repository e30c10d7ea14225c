"""/events: summaries of what visitors did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from serving.database import Questions
from serving.models.common import Items
from serving.models.events import CategoryPerformance, HourOfEvents, SegmentOfUsers
from serving.queries import events
from serving.routes.asked import PROBLEMS, EventHours, Give

if TYPE_CHECKING:
    from pydantic import BaseModel

router = APIRouter(prefix="/events", tags=["events"], responses=PROBLEMS)

EVENTS = ("ecommerce_events",)


@router.get("/hourly", response_model=Items[HourOfEvents])
def hourly(request: Request, answers: Give, hours: EventHours = 24) -> Response:
    """Events by hour and type, oldest first."""

    def found(ask: Questions) -> BaseModel:
        rows = events.summary(ask, events.HOURLY, hours)
        return Items(items=[HourOfEvents.model_validate(row) for row in rows])

    return answers.give(request, EVENTS, found)


@router.get("/categories", response_model=Items[CategoryPerformance])
def categories(request: Request, answers: Give, hours: EventHours = 24) -> Response:
    """The funnel of each category, the most revenue first."""

    def found(ask: Questions) -> BaseModel:
        rows = events.summary(ask, events.CATEGORIES, hours)
        return Items(items=[CategoryPerformance.model_validate(row) for row in rows])

    return answers.give(request, EVENTS, found)


@router.get("/segments", response_model=Items[SegmentOfUsers])
def segments(request: Request, answers: Give, hours: EventHours = 24) -> Response:
    """What each segment of users did, the most revenue first."""

    def found(ask: Questions) -> BaseModel:
        rows = events.summary(ask, events.SEGMENTS, hours)
        return Items(items=[SegmentOfUsers.model_validate(row) for row in rows])

    return answers.give(request, EVENTS, found)
