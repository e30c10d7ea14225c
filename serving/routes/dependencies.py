"""What the routes share: parameters with their limits, documented errors, and the response cache as a dependency."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from serving.models import common
from serving.models.common import Moment, Problem
from serving.response_cache import ResponseCache

#: The greatest number of Postgres's type bigint.
MAX_BIGINT = 2**63 - 1

Subject = Annotated[str | None, Query(max_length=63, description="Only this subject.", examples=["ecommerce_events"])]
Hours = Annotated[int, Query(ge=1, le=744, description="How many hours back from the newest.")]
#: More than a week of events takes too long to sum in a request; the marts and the views have it.
EventHours = Annotated[int, Query(ge=1, le=168, description="How many hours back from the newest event.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Items a page.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]
Day = Annotated[common.Day | None, Query(description="YYYY-MM-DD.", examples=["2026-01-29"])]
From = Annotated[common.Day | None, Query(alias="from", description="The first day.", examples=["2026-01-01"])]
To = Annotated[common.Day | None, Query(alias="to", description="The last day.", examples=["2026-01-31"])]
At = Annotated[
    Moment | None,
    Query(description="ISO 8601, in UTC where no zone is named; now if left out.", examples=["2026-01-15T15:00:00Z"]),
]
Number = Annotated[int, Path(ge=0, le=MAX_BIGINT, description="The number by which the shop knows it.", examples=[17])]

ERRORS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The request is not for this server."},
    401: {"model": Problem, "description": "An API key is needed."},
    422: {"model": Problem, "description": "A parameter is not of the expected form."},
    503: {"model": Problem, "description": "Postgres cannot be reached now, or nothing was published yet."},
}
NOT_FOUND: dict[int | str, dict[str, object]] = {404: {"model": Problem, "description": "There is no such thing."}}


def _response_cache(request: Request) -> ResponseCache:
    cache: ResponseCache = request.app.state.response_cache
    return cache


CacheDep = Annotated[ResponseCache, Depends(_response_cache)]


def now() -> datetime:
    """Return the present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
