"""/dead-letters: refused rows, with all their reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import TypeAdapter

from serving import cursor as cursors
from serving.database import Questions
from serving.errors import NotFoundError
from serving.models.common import Page
from serving.models.quality import DeadLetter, WholeDeadLetter
from serving.queries import letters as queries
from serving.routes.asked import MISSING, PROBLEMS, Cursor, Give, Limit, Subject

router = APIRouter(tags=["dead letters"], responses=PROBLEMS)

LETTERS = ("dead_letter_events",)
_KEY = TypeAdapter(tuple[datetime, str])


@router.get("/dead-letters", response_model=Page[DeadLetter])
def letters(
    request: Request,
    answers: Give,
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

    def page(ask: Questions) -> Page[DeadLetter]:
        rows = queries.letters(ask, subject, reason, status, after, limit)
        shown, following = cursors.page(rows, limit, queries.LETTERS_ORDER)
        return Page[DeadLetter](items=[DeadLetter.model_validate(row) for row in shown], next=following)

    return answers.give(request, LETTERS, page)


@router.get("/dead-letters/{row_id}", response_model=WholeDeadLetter, responses=MISSING)
def letter(
    request: Request, answers: Give, row_id: Annotated[str, Path(max_length=200, description="As the list gives it.")]
) -> Response:
    """A refused row as it came, whole."""

    def one(ask: Questions) -> WholeDeadLetter:
        found = queries.letter(ask, row_id)
        if found is None:
            raise NotFoundError("no dead letter has this row_id", "row_id")
        return found

    return answers.give(request, LETTERS, one)
