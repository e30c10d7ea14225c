"""Covers serving/routes/events.py and serving/queries/events.py over HTTP.

Covers: serving.queries.events, serving.routes.events.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.shop_tables import NOW, insert, move_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.shop_tables import Shop

Row = dict[str, Any]


def within(shop: Shop, hours: int) -> list[Row]:
    """The events of the newest hour and of those before it."""
    newest = max(row["event_time"] for row in shop["ecommerce_events"])
    begin = newest.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    return [row for row in shop["ecommerce_events"] if row["event_time"] >= begin]


def grouped(rows: list[Row], by: Callable[[Row], Any]) -> Mapping[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[by(row)].append(row)
    return found


def count(rows: list[Row], kind: str) -> int:
    return sum(row["event_type"] == kind for row in rows)


def bought(rows: list[Row], column: str) -> Any:
    return sum((row[column] for row in rows if row["event_type"] == "purchase"), Decimal(0))


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def signed_in(rows: list[Row]) -> int:
    return len({row["user_id"] for row in rows if row["user_id"] != 0})


def sessions(rows: list[Row]) -> int:
    return len({row["session_id"] for row in rows})


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_each_hour_and_type_is_summed(api: Served, shop: Shop, hours: int) -> None:
    groups = grouped(within(shop, hours), lambda row: (row["event_time"].replace(minute=0), row["event_type"]))
    assert api.json("/events/hourly", hours=hours)["items"] == [
        {
            "event_hour": hour.isoformat().replace("+00:00", "Z"),
            "event_type": kind,
            "events": len(rows),
            "users": signed_in(rows),
            "sessions": sessions(rows),
            "units": bought(rows, "quantity"),
            "revenue": money(bought(rows, "total_amount")),
            "late_events": sum(row["late_arrival_flag"] for row in rows),
        }
        for (hour, kind), rows in sorted(groups.items())
    ]


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_each_category_has_its_funnel(api: Served, shop: Shop, hours: int) -> None:
    wanted = []
    for category, rows in grouped(within(shop, hours), lambda row: row["category"] or "unknown").items():
        views, purchases = count(rows, "view"), count(rows, "purchase")
        buyers = {row["user_id"] for row in rows if row["event_type"] == "purchase"}
        wanted.append(
            {
                "category": category,
                "views": views,
                "add_to_carts": count(rows, "add_to_cart"),
                "purchases": purchases,
                "units": bought(rows, "quantity"),
                "revenue": money(bought(rows, "total_amount")),
                "buyers": len(buyers),
                "conversion_rate": pytest.approx(purchases / views, abs=1e-6) if views else None,
            }
        )
    wanted.sort(key=lambda row: (-Decimal(row["revenue"]), row["category"]))
    assert api.json("/events/categories", hours=hours)["items"] == wanted


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_each_segment_is_summed(api: Served, shop: Shop, hours: int) -> None:
    wanted = []
    for segment, rows in grouped(within(shop, hours), lambda row: row["user_segment"]).items():
        purchases, revenue = count(rows, "purchase"), bought(rows, "total_amount")
        average = (revenue / purchases).quantize(Decimal("0.01"), ROUND_HALF_UP) if purchases else None
        wanted.append(
            {
                "user_segment": segment,
                "users": signed_in(rows),
                "sessions": sessions(rows),
                "events": len(rows),
                "purchases": purchases,
                "revenue": money(revenue),
                "average_order_value": None if average is None else str(average),
            }
        )
    wanted.sort(key=lambda row: (-Decimal(row["revenue"]), row["user_segment"]))
    assert api.json("/events/segments", hours=hours)["items"] == wanted


def test_events_are_summed_as_the_views_sum_them(api: Served, shop: Shop) -> None:
    begin = NOW.replace(minute=0) - timedelta(hours=2)
    rows = [row for row in shop["ecommerce_events"] if row["event_time"] >= begin]
    hourly = api.json("/events/hourly", hours=3)["items"]
    assert sum(row["events"] for row in hourly) == len(rows)
    bought = [row for row in rows if row["event_type"] == "purchase"]
    revenue = sum((row["total_amount"] for row in bought), Decimal(0))
    for path in ("/events/hourly", "/events/categories", "/events/segments"):
        assert sum((Decimal(row["revenue"]) for row in api.json(path, hours=3)["items"]), Decimal(0)) == revenue
    categories = {row["category"]: row for row in api.json("/events/categories", hours=168)["items"]}
    views = [row for row in shop["ecommerce_events"] if row["event_type"] == "view" and row["category"] is None]
    assert categories["unknown"]["views"] == len(views)
    users = {row["user_id"] for row in shop["ecommerce_events"] if row["user_segment"] == "new" and row["user_id"]}
    segments = {row["user_segment"]: row for row in api.json("/events/segments", hours=168)["items"]}
    assert segments["new"]["users"] == len(users)


@pytest.mark.parametrize("hours", [0, 169, -1, "x"])
def test_more_hours_than_can_be_summed_at_once_are_refused(api: Served, hours: object) -> None:
    for path in ("hourly", "categories", "segments"):
        found = api.get(f"/api/v1/events/{path}", params={"hours": hours})
        assert (found.status_code, found.json()["field"]) == (422, "hours")


def test_the_newest_event_moves_the_hours(api: Served, owner: Connection) -> None:
    before = api.json("/events/hourly", hours=1)["items"]
    later = {
        "event_id": "later",
        "user_id": 0,
        "event_type": "view",
        "event_time": datetime(2026, 1, 29, 23, 59, 59, 999_999, UTC),
        "row_id": "later",
    }
    insert(owner, "ecommerce_events", [later])
    move_on(owner)
    (only,) = api.json("/events/hourly", hours=1)["items"]
    assert (only["event_hour"], only["users"], only["sessions"]) == ("2026-01-29T23:00:00Z", 0, 0)
    assert [row["event_hour"] for row in before] == ["2026-01-29T12:00:00Z"] * len(before)
    hours = 1 + 23 - NOW.hour
    assert api.json("/events/hourly", hours=hours)["items"] == [*before, only]


def test_a_lake_without_events_has_none_to_sum(api: Served, owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_events RENAME TO away")
    move_on(owner)
    try:
        for path in ("hourly", "categories", "segments"):
            assert api.json(f"/events/{path}") == {"items": []}
    finally:
        with owner, owner.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO ecommerce_events")
