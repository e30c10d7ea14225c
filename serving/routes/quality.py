"""/status, /books, /quality, /throughput, /reasons: the pipeline's own figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from serving import cursor as cursors
from serving.database import Questions
from serving.models.common import Items, Page
from serving.models.quality import Batch, Minute, QualityHour, ReasonCount, Status, Targets
from serving.queries import quality
from serving.routes.asked import PROBLEMS, Cursor, Give, Hours, Limit, Subject

router = APIRouter(tags=["quality"], responses=PROBLEMS)

METRICS = ("data_quality_metrics",)
_KEY = TypeAdapter(tuple[datetime, str, str, int])


@router.get("/status", response_model=Status)
def status(request: Request, answers: Give) -> Response:
    """The pipeline at a glance: every subject's books since its beginning, every published table, and the targets."""
    serving = request.app.state.settings.serving
    targets = Targets(validity=serving.validity_target, freshness_seconds=serving.freshness_target.total_seconds())
    return answers.give(request, None, lambda ask: quality.status(ask, targets), also=targets.model_dump_json())


@router.get("/books", response_model=Page[Batch])
def books(
    request: Request, answers: Give, subject: Subject = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The books of each batch, newest first: rows_read = accepted + duplicate + dead_letter + control, and unaccounted is 0."""
    after = cursors.decode(cursor, _KEY)

    def page(ask: Questions) -> Page[Batch]:
        shown, following = cursors.page(quality.books(ask, subject, after, limit), limit, quality.BOOKS_ORDER)
        return Page[Batch](items=[quality.batch(row) for row in shown], next=following)

    return answers.give(request, METRICS, page)


@router.get("/quality", response_model=Items[QualityHour])
def hours(request: Request, answers: Give, hours: Hours = 24, subject: Subject = None) -> Response:
    """The books by hour and subject, oldest first, back from the newest batch."""
    return answers.give(request, METRICS, lambda ask: Items(items=quality.hours(ask, subject, hours)))


@router.get("/throughput", response_model=Items[Minute])
def throughput(
    request: Request,
    answers: Give,
    minutes: Annotated[int, Query(ge=1, le=1440, description="How many minutes back from the newest batch.")] = 60,
    subject: Subject = None,
) -> Response:
    """Rows read by minute, oldest first; a minute without a batch has zeros."""
    return answers.give(request, METRICS, lambda ask: Items(items=quality.minutes(ask, subject, minutes)))


@router.get("/reasons", response_model=Items[ReasonCount])
def reasons(request: Request, answers: Give, hours: Hours = 24, subject: Subject = None) -> Response:
    """Why rows were refused, most frequent first. A row may have several reasons."""
    return answers.give(request, METRICS, lambda ask: Items(items=quality.reasons(ask, subject, hours)))
