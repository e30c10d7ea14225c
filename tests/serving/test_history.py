"""Covers serving/routes/history.py and serving/queries/history.py over HTTP.

Covers: serving.queries.history, serving.routes.history.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from support.shop_tables import NOW, OPEN

if TYPE_CHECKING:
    from support.api_server import Served
    from support.shop_tables import Shop


def test_a_price_is_that_of_the_version_at_the_moment(api: Served, shop: Shop) -> None:
    for row in shop["dim_product"]:
        begin, end = row["valid_from"], row["valid_to"]
        found = api.json(f"/products/{row['product_id']}/price", at=begin.isoformat())
        assert (found["price"], found["version"]) == (f"{row['price']:.2f}", row["version"])
        assert found["valid_to"] == (None if end == OPEN else end.isoformat().replace("+00:00", "Z"))
        last = api.json(
            f"/products/{row['product_id']}/price", at=(min(end, NOW) - timedelta(microseconds=1)).isoformat()
        )
        assert last["version"] == row["version"] or end == OPEN
    missing = api.get("/api/v1/products/1/price", params={"at": "2020-01-01"})
    assert (missing.status_code, missing.json()["field"]) == (404, "product_id")


def test_a_moment_without_a_zone_is_in_utc_and_none_is_now(api: Served, shop: Shop) -> None:
    row = next(row for row in shop["dim_product"] if row["version"] == 2)
    path, begin = f"/products/{row['product_id']}/price", row["valid_from"]
    assert api.json(path, at=begin.strftime("%Y-%m-%dT%H:%M:%S"))["version"] == 2
    assert api.json(path, at=(begin - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S-01:00"))["version"] == 2
    assert api.json("/products/1/price")["valid_to"] is None


def test_a_history_has_every_version_oldest_first(api: Served, shop: Shop) -> None:
    for number in (3, 9, 60):
        rows = [row for row in shop["dim_product"] if row["product_id"] == number]
        found = api.json(f"/products/{number}/history")["items"]
        assert [(row["version"], row["price"]) for row in found] == [
            (row["version"], f"{row['price']:.2f}") for row in rows
        ]
    found = api.json("/customers/7/history")["items"]
    assert [row["city"] for row in found] == ["Oslo", "São Paulo", "Łódź"]
    assert api.get("/api/v1/customers/999/history").status_code == 404


def test_an_address_is_where_the_customer_lived_then(api: Served) -> None:
    assert api.json("/customers/7/address", at=(NOW - timedelta(days=31)).isoformat())["city"] == "São Paulo"
    assert api.json("/customers/7/address", at=NOW.isoformat())["city"] == "Łódź"
