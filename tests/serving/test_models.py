"""Covers serving/models/common.py: days and moments in parameters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from serving.models.common import Day, Moment

if TYPE_CHECKING:
    from support.api_server import Served

THREE = datetime(2026, 1, 15, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T15:00:00Z",
        "2026-01-15T15:00:00",
        "2026-01-15 15:00",
        "2026-01-15T15:00:00.000000000Z",
        "2026-01-15T17:00:00+02:00",
        "2026-01-15T17:00:00+0200",
        "2026-01-15T17:00:00 02:00",
        "2026-01-15 17:00 02:00",
        "2026-01-15T14:00:00-01:00",
    ],
)
def test_a_moment_is_read_in_whichever_way_iso_8601_writes_it(text: str) -> None:
    assert TypeAdapter(Moment).validate_python(text) == THREE


def test_a_day_alone_is_its_first_moment() -> None:
    assert TypeAdapter(Moment).validate_python("2026-01-15") == datetime(2026, 1, 15, tzinfo=UTC)
    assert TypeAdapter(Day).validate_python("2026-01-15") == date(2026, 1, 15)


@pytest.mark.parametrize("kind", [Day, Moment])
@pytest.mark.parametrize(
    "text", ["0", "86400", "1769000000", "1e9", "2026-1-15", "２026-01-15", "2026-01-15\n", " 2026-01-15", "now", ""]
)
def test_numbers_and_other_writings_are_no_days_and_no_moments(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError, match="such as 2026-01-"):
        TypeAdapter(kind).validate_python(text)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-00-01", "2026-01-15T24:00", "2026-01-15T15:00:60Z"])
def test_what_no_calendar_has_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_outside_of_the_calendar_in_utc_is_refused_with_a_sentence(api: Served, text: str) -> None:
    found = api.get("/api/v1/products/1/price", params={"at": text})
    error = {"error": "at: should be within the years 1 to 9999 in UTC", "field": "at"}
    assert (found.status_code, found.json()) == (422, error)


def test_the_plus_of_a_zone_need_not_be_encoded(api: Served) -> None:
    plain = api.get("/api/v1/products/1/price?at=2026-01-15T17:00:00+02:00").json()
    assert plain["at"] == api.json("/products/1/price", at="2026-01-15T17:00:00+02:00")["at"] == "2026-01-15T15:00:00Z"
