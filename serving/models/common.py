"""Models that all responses share, and the types of days and moments in parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Item = TypeVar("Item")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    rf"({_DAY.pattern})([T ]\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,9}})?)?(Z|[+ -]\d{{2}}:?\d{{2}})?)?", re.ASCII
)
_PLUS = re.compile(r" (?=\d{2}:?\d{2}$)")


class ApiModel(BaseModel):
    """A response, or a part of one. Columns of a row that it has no field for are ignored."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def from_row(cls, row: Mapping[str, object] | None) -> Self | None:
        """Return the model of a row of the database; None where there is none."""
        return cls.model_validate(row) if row is not None else None

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]]) -> list[Self]:
        """Return the models of rows of the database, in their order."""
        return [cls.model_validate(row) for row in rows]


class Items(ApiModel, Generic[Item]):
    """A whole list."""

    items: list[Item]


class Page(Items[Item], Generic[Item]):
    """A page of a list: its items, and the cursor that gives the next ones, null on the last page."""

    next: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class Problem(BaseModel):
    """An error."""

    error: str = Field(description="One sentence that says what is wrong and the way out.")
    field: str | None = Field(description="The parameter that it is about, where there is one.")


def _day_text(given: Any) -> Any:
    """Return the text if it is written as a day; pydantic would take a number for seconds since 1970."""
    if isinstance(given, str) and not _DAY.fullmatch(given):
        raise ValueError("should be a day such as 2026-01-29")
    return given


def _moment_text(given: Any) -> Any:
    """Return the text if it is written as a moment. The + of its zone is a blank where the URL was not percent-encoded."""
    if not isinstance(given, str):
        return given
    match = _MOMENT.fullmatch(given)
    if match is None:
        raise ValueError("should be a moment such as 2026-01-15T15:00:00Z")
    time = match[2] or ""
    return match[1] + time[:1] + _PLUS.sub("+", time[1:])


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("should be within the years 1 to 9999 in UTC") from None


#: A day in a parameter.
Day = Annotated[date, BeforeValidator(_day_text)]
#: A moment in a parameter; without a zone it is in UTC.
Moment = Annotated[datetime, BeforeValidator(_moment_text), AfterValidator(_in_utc)]
