"""Covers serving/routes/dead_letters.py and serving/queries/dead_letters.py over HTTP.

Covers: serving.queries.dead_letters, serving.routes.dead_letters.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.shop_tables import Shop


def all_dead_letters(api: Served, **params: Any) -> list[dict[str, Any]]:
    seen, page = [], {"next": None}
    while True:
        page = api.json("/dead-letters", limit=7, **params, **({"cursor": page["next"]} if page["next"] else {}))
        seen += page["items"]
        if page["next"] is None:
            return seen


def test_dead_letters_are_all_there_once_though_many_came_at_one_moment(api: Served, shop: Shop) -> None:
    rows = sorted(shop["dead_letter_events"], key=lambda row: (row["dead_lettered_at"], row["row_id"]), reverse=True)
    assert [row["row_id"] for row in all_dead_letters(api)] == [row["row_id"] for row in rows]


@pytest.mark.parametrize(
    "reason_filter",
    [
        {"code": "bad_type"},
        {"field": "quantity"},
        {"code": "bad_type", "field": "price"},
        {"code": "missing", "field": "price"},
    ],
)
def test_dead_letters_are_found_by_a_reason(api: Served, shop: Shop, reason_filter: dict[str, str]) -> None:
    wanted = {
        row["row_id"]
        for row in shop["dead_letter_events"]
        if any(reason_filter.items() <= reason.items() for reason in row["reasons"])
    }
    assert {row["row_id"] for row in all_dead_letters(api, **reason_filter)} == wanted
    only_open = {row["row_id"] for row in all_dead_letters(api, status="open", subject="orders", **reason_filter)}
    assert only_open == {
        row["row_id"]
        for row in shop["dead_letter_events"]
        if row["row_id"] in wanted and (row["status"], row["subject"]) == ("open", "orders")
    }


def test_one_dead_letter_is_shown_whole(api: Served, shop: Shop) -> None:
    for row in shop["dead_letter_events"][:20]:
        found = api.json(f"/dead-letters/{row['row_id']}")
        assert (found["payload"], found["raw"], found["reasons"]) == (row["payload"], row["raw"], row["reasons"])
    assert api.get("/api/v1/dead-letters/none").json() == {"error": "no dead letter has this row_id", "field": "row_id"}


def test_lists_cut_what_is_long_and_the_one_letter_is_whole_and_exact(api: Served, owner: Connection) -> None:
    hostile = "\x1b[2J\x9b31m\u202egpj\u2028\x7f[/b]"
    reasons = [
        {"code": "not_allowed", "field": f"{n} {hostile}" + "f" * 300, "detail": hostile * 100} for n in range(60)
    ]
    with owner, owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dead_letter_events (row_id, subject, reasons, payload, status, dead_lettered_at) "
            "VALUES ('hostile', 'orders', %s, %s, 'discarded', '2020-01-01')",
            (json.dumps(reasons), json.dumps({hostile: hostile * 100})),
        )
    try:
        listed = api.get("/api/v1/dead-letters", params={"status": "discarded", "subject": "orders", "limit": 500})
        whole = api.get("/api/v1/dead-letters/hostile")
    finally:
        with owner, owner.cursor() as cursor:
            cursor.execute("DELETE FROM dead_letter_events WHERE row_id = 'hostile'")
    (one,) = [item for item in listed.json()["items"] if item["row_id"] == "hostile"]
    assert (len(one["reasons"]), one["reasons_left_out"]) == (50, 10)
    assert all(len(reason[name]) == 201 for reason in one["reasons"] for name in ("field", "detail"))
    assert [reason["detail"][:200] for reason in one["reasons"]] == [(hostile * 100)[:200]] * 50
    assert one["reasons"][49]["field"].startswith("49 ")
    found = whole.json()
    assert (found["reasons"], found["payload"]) == (reasons, {hostile: hostile * 100})
    for answer in (listed, whole):
        assert not {letter for letter in answer.text if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}}
