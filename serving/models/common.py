"""What all answers share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Answer(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="ignore")


class Items(Answer, Generic[Item]):
    """A whole list."""

    items: list[Item]


class Page(Items[Item], Generic[Item]):
    """A page of a list: its items, and the cursor that gives the next ones, null on the last page."""

    next: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class Problem(BaseModel):
    """Why there is no answer."""

    error: str = Field(description="One sentence that says what is wrong and the way out.")
    field: str | None = Field(description="The parameter that it is about, where there is one.")


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


#: A moment that someone asks for; one without a zone is in UTC.
Moment = Annotated[datetime, AfterValidator(_in_utc)]
