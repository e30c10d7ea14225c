"""/dead-letters: refused rows, with all their reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import TypeAdapter

from serving import cursor as cursors
from serving.database import Transaction
from serving.errors import found_or_404
from serving.models.common import Page
from serving.models.quality import DeadLetter, WholeDeadLetter
from serving.queries import dead_letters as queries
from serving.routes.dependencies import ERRORS, NOT_FOUND, CacheDep, Cursor, Limit, Subject

router = APIRouter(tags=["dead letters"], responses=ERRORS)

DEAD_LETTERS = ("dead_letter_events",)
_KEY = TypeAdapter(tuple[datetime, str])


@router.get("/dead-letters", response_model=Page[DeadLetter], name="letters")  # generated clients call it so
def dead_letters(
    request: Request,
    cache: CacheDep,
    subject: Subject = None,
    code: Annotated[
        str | None, Query(max_length=63, description="Only those with this reason.", examples=["bad_type"])
    ] = None,
    field: Annotated[
        str | None, Query(max_length=63, description="Only those refused for this field.", examples=["price"])
    ] = None,
    status: Annotated[Literal["open", "resolved", "discarded"] | None, Query(description="Only those.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Refused rows, newest first. With both `code` and `field`: those of which one reason has both."""
    after = cursors.decode(cursor, _KEY)
    reason = {name: value for name, value in (("code", code), ("field", field)) if value is not None}

    def page(tx: Transaction) -> Page[DeadLetter]:
        rows = queries.dead_letters(tx, subject, reason, status, after, limit)
        return cursors.page_of(DeadLetter, rows, limit, queries.DEAD_LETTERS_ORDER)

    return cache.respond(request, DEAD_LETTERS, page)


@router.get("/dead-letters/{row_id}", response_model=WholeDeadLetter, responses=NOT_FOUND, name="letter")
def dead_letter(
    request: Request, cache: CacheDep, row_id: Annotated[str, Path(max_length=200, description="As the list gives it.")]
) -> Response:
    """A refused row as it came, whole."""

    def whole(tx: Transaction) -> WholeDeadLetter:
        return found_or_404(queries.dead_letter(tx, row_id), "no dead letter has this row_id", "row_id")

    return cache.respond(request, DEAD_LETTERS, whole)
