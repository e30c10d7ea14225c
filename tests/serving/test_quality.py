"""Covers serving/routes/quality.py and serving/queries/quality.py over HTTP.

Covers: serving.queries.quality, serving.routes.quality.
"""

from __future__ import annotations

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


def test_rows_that_come_between_two_pages_shift_nothing(api: Served, owner: Connection) -> None:
    first = api.json("/books", limit=5)
    insert(owner, "data_quality_metrics", [books(500, started_at=NOW + timedelta(hours=1))])
    move_on(owner)
    again = api.json("/books", limit=5, cursor=first["next"])
    first_seen = {(row["subject"], row["batch_id"]) for row in first["items"]}
    assert not {(row["subject"], row["batch_id"]) for row in again["items"]} & first_seen
    assert 500 not in {row["batch_id"] for row in again["items"]}
    assert api.json("/books", limit=1)["items"][0]["batch_id"] == 500
