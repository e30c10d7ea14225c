"""Covers serving/routes/sales.py and serving/queries/sales.py over HTTP.

Covers: serving.queries.sales, serving.routes.sales.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.api_server import Served
    from support.shop_tables import Shop


def pages(api: Served, path: str, **params: Any) -> list[dict[str, Any]]:
    seen, following = [], None
    while True:
        page = api.json(path, **params, **({"cursor": following} if following else {}))
        seen += page["items"]
        following = page["next"]
        if following is None:
            return seen


def test_days_come_newest_first_and_money_is_exact(api: Served, shop: Shop) -> None:
    found = pages(api, "/revenue/daily", limit=8)
    assert [row["order_date"] for row in found] == [str(row["order_date"]) for row in reversed(shop["daily_gmv"])]
    assert [row["gmv"] for row in found] == [f"{row['gmv']:.2f}" for row in reversed(shop["daily_gmv"])]
    some = pages(api, "/revenue/daily", limit=8, **{"from": "2026-01-01", "to": "2026-01-10"})
    assert [row["order_date"] for row in some] == [f"2026-01-{day:02}" for day in range(10, 0, -1)]


def test_a_products_revenue_is_that_of_its_facts_without_cancelled_ones(api: Served, shop: Shop) -> None:
    last = max(row["order_date"] for row in shop["fact_orders"])
    for first, until, params in (
        (last - timedelta(days=29), last, {}),
        (date(2026, 1, 3), date(2026, 1, 5), {"from": "2026-01-03", "to": "2026-01-05"}),
    ):
        rows = [
            row
            for row in shop["fact_orders"]
            if row["product_id"] == 6 and first <= row["order_date"] <= until and row["status"] != "cancelled"
        ]
        found = api.json("/revenue/products/6", **params)
        assert (found["from"], found["to"]) == (str(first), str(until))
        assert Decimal(found["revenue"]) == sum(row["line_total"] for row in rows)
        assert found["orders"] == len({row["order_id"] for row in rows})
        assert sum(day["units"] for day in found["days"]) == found["units"] == sum(row["quantity"] for row in rows)


def test_a_product_that_sold_nothing_has_no_days(api: Served) -> None:
    assert api.json("/revenue/products/999")["days"] == []


@pytest.mark.parametrize(
    "text", ["%", "_", "\\", "'", '"', "<b>", "😀", "cotton", "LAMP", "7", "+007", "9" * 99, "none of these"]
)
def test_products_are_found_by_what_is_literally_in_their_name(api: Served, shop: Shop, text: str) -> None:
    wanted = [
        row["product_id"]
        for row in shop["products"]
        if not row["_deleted"]
        and (text.lower() in row["product_name"].lower() or str(row["product_id"]) == text.lstrip("+0"))
    ]
    assert [row["product_id"] for row in pages(api, "/products", query=text, limit=3)] == wanted


def test_the_best_products_are_those_of_the_newest_day_or_of_the_one_asked_for(api: Served, shop: Shop) -> None:
    newest = max(row["order_date"] for row in shop["top_products"])
    found = api.json("/products/top", limit=3)
    assert (found["order_date"], [row["rank"] for row in found["items"]]) == (str(newest), [1, 2, 3])
    before = api.json("/products/top", date=str(newest - timedelta(days=1)))
    assert (before["order_date"], len(before["items"])) == (str(newest - timedelta(days=1)), 10)
    assert api.json("/products/top", date="2020-01-01") == {"items": [], "order_date": "2020-01-01"}


def test_lifetime_values_are_all_there_once_though_many_are_equal(api: Served, shop: Shop) -> None:
    rows = sorted(
        shop["customer_lifetime_value"], key=lambda row: (row["lifetime_value"], row["customer_id"]), reverse=True
    )
    found = pages(api, "/customers/lifetime-value", limit=4)
    assert [row["customer_id"] for row in found] == [row["customer_id"] for row in rows]
    assert api.json("/customers/1/lifetime-value")["lifetime_value"] == "-5.00"
    assert api.get("/api/v1/customers/999/lifetime-value").status_code == 404


def test_segments_count_their_customers(api: Served, shop: Shop) -> None:
    found = {row["segment"]: row["customers"] for row in api.json("/segments")["items"]}
    wanted: dict[str, int] = {}
    for row in shop["customer_segments"]:
        wanted[row["segment"]] = wanted.get(row["segment"], 0) + 1
    assert found == wanted
