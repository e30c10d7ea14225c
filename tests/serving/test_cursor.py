"""Covers serving/cursor.py, also over HTTP for every list."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter
from support.shop_tables import NOW, books, insert, move_on

from serving.cursor import decode, encode, split_page
from serving.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.shop_tables import Shop

KEY = TypeAdapter(tuple[datetime, str, Decimal, int, date])
MOMENT = datetime(2026, 1, 29, 12, 30, 0, 123_456, UTC)


def letter(number: int) -> dict[str, Any]:
    """A dead letter of a moment that others have too."""
    return {
        "row_id": f"new{number}",
        "subject": "orders",
        "reasons": [],
        "dead_lettered_at": NOW - timedelta(minutes=number % 50),
        "status": "open",
    }


def worth(number: int) -> dict[str, Any]:
    """A customer who is worth as much as others."""
    amounts = {"gross_amount": 1, "refunded_amount": 0, "lifetime_value": Decimal(number % 7 * 10) / 4 - 5}
    return {"customer_id": 1_000 + number, "orders": 1, "units": 1, **amounts}


def product(number: int) -> dict[str, Any]:
    """Products before and after those that are there."""
    return {"product_id": 1_000 - 10 * number, "product_name": "x", "_deleted": False, "row_id": f"n{number}"}


def day(number: int) -> dict[str, Any]:
    """Days before and after those that are there."""
    counts = dict.fromkeys(("orders", "customers", "units", "gmv", "cancelled_orders", "cancelled_amount"), 1)
    return {"order_date": date(2026, 2, 28) - timedelta(days=200 * (number % 2) + number), **counts}


def batch(number: int) -> dict[str, Any]:
    return books(2_000 + number, started_at=NOW - timedelta(minutes=30 * (number % 90)))


#: The lists: table, columns by which a row is known, and a row that comes in meanwhile.
LISTS: dict[str, tuple[str, tuple[str, ...], Callable[[int], dict[str, Any]]]] = {
    "/books": ("data_quality_metrics", ("subject", "batch_id"), batch),
    "/dead-letters": ("dead_letter_events", ("row_id",), letter),
    "/revenue/daily": ("daily_gmv", ("order_date",), day),
    "/products": ("products", ("product_id",), product),
    "/customers/lifetime-value": ("customer_lifetime_value", ("customer_id",), worth),
}


@pytest.mark.parametrize("path", LISTS)
def test_what_is_there_at_the_first_page_is_seen_once_whatever_comes_in_meanwhile(
    api: Served, owner: Connection, shop: Shop, path: str
) -> None:
    table, known_by, another = LISTS[path]
    cursor: dict[str, Any] = {}
    chance, seen, number = random.Random(29), [], 0
    while True:
        found = api.json(path, limit=chance.randint(1, 9), **cursor)
        seen += [tuple(str(row[name]) for name in known_by) for row in found["items"]]
        if found["next"] is None:
            break
        cursor = {"cursor": found["next"]}
        insert(owner, table, [another(number)])
        move_on(owner)
        number += 1
    wanted = {tuple(str(row[name]) for name in known_by) for row in shop[table] if not row.get("_deleted")}
    assert wanted <= set(seen)
    assert len(seen) == len(set(seen))
    assert number > 5


@pytest.mark.parametrize("path", LISTS)
def test_the_next_page_begins_where_it_was_though_the_last_row_was_deleted(
    api: Served, owner: Connection, path: str
) -> None:
    whole = api.json(path, limit=6)["items"]
    table, known_by, _ = LISTS[path]
    first = api.json(path, limit=3)
    deleted = {name: first["items"][-1][name] for name in known_by}
    with owner, owner.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = %({name})s' for name in known_by)} RETURNING *",
            deleted,
        )
        assert cursor.rowcount == 1
    move_on(owner)
    assert api.json(path, limit=3, cursor=first["next"])["items"] == whole[3:]


def test_a_key_comes_back_as_it_was_to_the_microsecond_and_the_cent() -> None:
    key = (MOMENT, "Ü\"'\\ 😀", Decimal("-1234567890123456789012345.60"), 2**63 - 1, date(2026, 1, 29))
    cursor = encode(key)
    assert decode(cursor, KEY) == key
    assert cursor.isascii()
    assert not set("+/=") & set(cursor)


def test_without_a_cursor_there_is_no_key() -> None:
    assert decode(None, KEY) is None


@pytest.mark.parametrize("cursor", ["", "x", "ü", "====", "W10", "bnVsbA", encode([1]), encode([MOMENT, 1, 1, 1, 1])])
def test_what_no_list_has_given_is_no_cursor(cursor: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode(cursor, KEY)
    assert (refused.value.status, refused.value.field) == (422, "cursor")


def test_a_page_has_a_next_one_only_where_a_row_is_left() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert split_page(rows, 2, ("a",)) == (rows, None)
    assert split_page([], 2, ("a",)) == ([], None)
    assert split_page(rows, 1, ("b", "a")) == (rows[:1], encode(["x", 1]))


@pytest.mark.parametrize(
    "key", [["x"], [1, "a", "b", 2], ["2026-01-01T00:00:00Z", "a\0", "b", 2], {}, None, [["2026"]]]
)
def test_a_cursor_that_was_made_up_is_refused(api: Served, key: Any) -> None:
    made_up = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    for path in ("books", "dead-letters", "revenue/daily", "products", "customers/lifetime-value"):
        found = api.get(f"/api/v1/{path}", params={"cursor": made_up})
        assert (found.status_code, found.json()["field"]) == (422, "cursor")
