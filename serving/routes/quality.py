"""/status, /books, /quality, /throughput, /reasons: the pipeline's own figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from serving import cursor as cursors
from serving.database import Transaction
from serving.models.common import Items, Page
from serving.models.quality import Batch, Minute, QualityHour, ReasonCount, Status, Targets
from serving.queries import quality
from serving.routes.dependencies import ERRORS, CacheDep, Cursor, Hours, Limit, Subject

router = APIRouter(tags=["quality"], responses=ERRORS)

METRICS = ("data_quality_metrics",)
_KEY = TypeAdapter(tuple[datetime, str, str, int])


@router.get("/status", response_model=Status)
def status(request: Request, cache: CacheDep) -> Response:
    """The pipeline at a glance: every subject's books since its beginning, every published table, and the targets."""
    serving = request.app.state.settings.serving
    targets = Targets(validity=serving.validity_target, freshness_seconds=serving.freshness_target.total_seconds())
    return cache.respond(request, None, lambda tx: quality.status(tx, targets), also=targets.model_dump_json())


@router.get("/books", response_model=Page[Batch])
def books(
    request: Request, cache: CacheDep, subject: Subject = None, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The books of each batch, newest first: rows_read = accepted + duplicate + dead_letter + control, and unaccounted is 0."""
    after = cursors.decode(cursor, _KEY)

    def page(tx: Transaction) -> Page[Batch]:
        return cursors.page_of(Batch, quality.books(tx, subject, after, limit), limit, quality.BOOKS_ORDER)

    return cache.respond(request, METRICS, page)


@router.get("/quality", response_model=Items[QualityHour])
def hours(request: Request, cache: CacheDep, hours: Hours = 24, subject: Subject = None) -> Response:
    """The books by hour and subject, oldest first, back from the newest batch."""
    return cache.respond(request, METRICS, lambda tx: Items(items=quality.hours(tx, subject, hours)))


@router.get("/throughput", response_model=Items[Minute])
def throughput(
    request: Request,
    cache: CacheDep,
    minutes: Annotated[int, Query(ge=1, le=1440, description="How many minutes back from the newest batch.")] = 60,
    subject: Subject = None,
) -> Response:
    """Rows read by minute, oldest first; a minute without a batch has zeros."""
    return cache.respond(request, METRICS, lambda tx: Items(items=quality.minutes(tx, subject, minutes)))


@router.get("/reasons", response_model=Items[ReasonCount])
def reasons(request: Request, cache: CacheDep, hours: Hours = 24, subject: Subject = None) -> Response:
    """Reasons of refused rows, most frequent first. A row may have several reasons."""
    return cache.respond(request, METRICS, lambda tx: Items(items=quality.reasons(tx, subject, hours)))
