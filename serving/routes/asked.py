"""What requests ask with: parameters with their limits, and how an answer is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from serving.etag import Answers
from serving.models import common
from serving.models.common import Moment, Problem

#: The greatest number that Postgres's bigint holds.
GREATEST = 2**63 - 1

Subject = Annotated[str | None, Query(max_length=63, description="Only this subject.", examples=["ecommerce_events"])]
Hours = Annotated[int, Query(ge=1, le=744, description="How many hours back from the newest.")]
#: More than a week of events is not summed while someone waits; the marts and the views have it.
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
Number = Annotated[int, Path(ge=0, le=GREATEST, description="The number by which the shop knows it.", examples=[17])]

PROBLEMS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The request is not for this server."},
    401: {"model": Problem, "description": "An API key is needed."},
    422: {"model": Problem, "description": "A parameter is not of the expected form."},
    503: {"model": Problem, "description": "Postgres cannot be asked now, or nothing was published yet."},
}
MISSING: dict[int | str, dict[str, object]] = {404: {"model": Problem, "description": "There is no such thing."}}


def _answers(request: Request) -> Answers:
    found: Answers = request.app.state.answers
    return found


Give = Annotated[Answers, Depends(_answers)]


def now() -> datetime:
    """This second."""
    return datetime.now(UTC).replace(microsecond=0)
