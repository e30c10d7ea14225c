from __future__ import annotations

import json
import unicodedata
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.shop_tables import NOW, SUBJECTS, books, insert, move_on

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.shop_tables import Shop

FATES = ("rows_read", "accepted", "late", "duplicate", "dead_letter", "control", "unaccounted")


def sums(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in FATES}


def test_the_status_adds_up_the_books_of_each_subject_and_of_all(api: Served, shop: Shop) -> None:
    found, rows = api.json("/status"), shop["data_quality_metrics"]
    for one in found["subjects"]:
        own = [row for row in rows if row["subject"] == one["subject"]]
        assert {name: one[name] for name in FATES} == sums(own)
        assert one["validity"] == pytest.approx(1 - sums(own)["dead_letter"] / sums(own)["rows_read"], abs=1e-6)
    assert [one["subject"] for one in found["subjects"]] == list(SUBJECTS)
    assert {name: found["totals"][name] for name in FATES} == sums(rows)
    assert found["open_dead_letters"] == sum(row["status"] == "open" for row in shop["dead_letter_events"])
    assert found["targets"] == {"validity": 0.95, "freshness_seconds": 300.0}
    assert {table["lag_seconds"] for table in found["tables"]} == {2.0}
    assert found["gold"]["finished_at"] == "2026-01-29T12:30:30Z"


def test_a_subject_that_stands_still_is_in_the_status_with_since_when_and_why_and_prometheus_is_told(
    api: Served, owner: Connection
) -> None:
    assert api.json("/status")["streams"] == []
    stands = {"subject": "orders", "query": "refine", "state": "retrying", "since": NOW, "failures": 7}
    insert(owner, "stream_state", [{**stands, "error": "OSError: no room", "step": "", "heard_at": NOW}])
    (found,) = api.json("/status")["streams"]
    moment = "2026-01-29T12:30:00Z"
    assert found == {**stands, "error": "OSError: no room", "step": "", "since": moment, "heard_at": moment}
    told = api.get("/metrics").text
    assert 'tallylake_stands_still{query="refine",state="retrying",subject="orders"} 1.0' in told
    mended = "UPDATE stream_state SET state = 'running', since = NULL, failures = 0, error = ''"
    with owner, owner.cursor() as cursor:
        cursor.execute(mended)
    assert api.json("/status")["streams"][0]["state"] == "running"
    assert 'tallylake_stands_still{query="refine",state="running",subject="orders"} 0.0' in api.get("/metrics").text


def test_the_books_are_paged_newest_first_and_every_batch_is_there_once(api: Served, shop: Shop) -> None:
    seen, cursor = [], None
    while True:
        page = api.json("/books", limit=41, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["items"]) == 41
    assert [(row["batch_id"], row["subject"]) for row in seen] == sorted(
        ((row["batch_id"], row["subject"]) for row in shop["data_quality_metrics"]), reverse=True
    )
    assert all(row["rows_read"] == row["accepted"] + row["duplicate"] + row["dead_letter"] for row in seen)


def test_the_books_of_one_subject_are_its_own(api: Served) -> None:
    assert {row["subject"] for row in api.json("/books", subject="orders", limit=500)["items"]} == {"orders"}
    assert api.json("/books", subject="none")["items"] == []


def test_the_hours_add_up_to_the_batches_in_them(api: Served, shop: Shop) -> None:
    begin = NOW.replace(minute=0) - timedelta(hours=5)
    rows = [row for row in shop["data_quality_metrics"] if row["started_at"] >= begin]
    found = api.json("/quality", hours=6)["items"]
    assert sums(found) == sums(rows)
    assert [row["hour"] for row in found] == sorted(row["hour"] for row in found)
    assert len({row["hour"] for row in found}) == 6


def test_every_minute_is_there_also_without_a_batch(api: Served) -> None:
    found = api.json("/throughput", minutes=61)["items"]
    assert len(found) == 61
    assert [row["rows_read"] for row in found if row["batches"]] == [300, 300, 300]
    assert sum(row["batches"] == 0 for row in found) == 58


def test_reasons_are_counted_most_frequent_first(api: Served, shop: Shop) -> None:
    wanted: Counter[tuple[str, str]] = Counter()
    for row in shop["data_quality_metrics"]:
        for name, count in row["reasons"].items():
            wanted[tuple(name.split(":"))] += count
    found = api.json("/reasons", hours=744)["items"]
    assert {(row["code"], row["field"]): row["rows"] for row in found} == dict(wanted)
    assert [row["rows"] for row in found] == sorted(wanted.values(), reverse=True)
    assert found[0]["share"] == pytest.approx(
        found[0]["rows"] / sums(shop["data_quality_metrics"])["rows_read"], abs=1e-6
    )


def letters(api: Served, **params: Any) -> list[dict[str, Any]]:
    seen, page = [], {"next": None}
    while True:
        page = api.json("/dead-letters", limit=7, **params, **({"cursor": page["next"]} if page["next"] else {}))
        seen += page["items"]
        if page["next"] is None:
            return seen


def test_dead_letters_are_all_there_once_though_many_came_at_one_moment(api: Served, shop: Shop) -> None:
    rows = sorted(shop["dead_letter_events"], key=lambda row: (row["dead_lettered_at"], row["row_id"]), reverse=True)
    assert [row["row_id"] for row in letters(api)] == [row["row_id"] for row in rows]


@pytest.mark.parametrize(
    "asked",
    [
        {"code": "bad_type"},
        {"field": "quantity"},
        {"code": "bad_type", "field": "price"},
        {"code": "missing", "field": "price"},
    ],
)
def test_dead_letters_are_found_by_a_reason(api: Served, shop: Shop, asked: dict[str, str]) -> None:
    wanted = {
        row["row_id"]
        for row in shop["dead_letter_events"]
        if any(asked.items() <= reason.items() for reason in row["reasons"])
    }
    assert {row["row_id"] for row in letters(api, **asked)} == wanted
    only_open = {row["row_id"] for row in letters(api, status="open", subject="orders", **asked)}
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


def test_rows_that_come_between_two_pages_shift_nothing(api: Served, owner: Connection) -> None:
    first = api.json("/books", limit=5)
    insert(owner, "data_quality_metrics", [books(500, started_at=NOW + timedelta(hours=1))])
    move_on(owner)
    again = api.json("/books", limit=5, cursor=first["next"])
    first_seen = {(row["subject"], row["batch_id"]) for row in first["items"]}
    assert not {(row["subject"], row["batch_id"]) for row in again["items"]} & first_seen
    assert 500 not in {row["batch_id"] for row in again["items"]}
    assert api.json("/books", limit=1)["items"][0]["batch_id"] == 500


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
