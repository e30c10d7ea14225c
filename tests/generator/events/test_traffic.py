"""The traffic is that of a shop: sessions make sense, the day has a rhythm, some products sell better.

Covers events/traffic.py and events/paths.py.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from generator.catalogue import CATEGORIES, SEGMENTS
from generator.events.paths import EVENT_TYPES
from generator.events.traffic import event_ids

if TYPE_CHECKING:
    from support.event_runs import Run


@pytest.fixture(scope="module")
def events(clean_run: Run) -> list[dict[str, Any]]:
    """All rows of the files that name their session."""
    found = []
    for file in clean_run.files:
        with (clean_run.landing / file.source).open(encoding="utf-8", newline="") as lines:
            found += [row | {"source": file.source} for row in csv.DictReader(lines) if row.get("session_id")]
    return found


@pytest.fixture(scope="module")
def sessions(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in sorted(events, key=lambda row: row["event_time"]):
        found[row["session_id"]].append(row)
    return found


def test_a_purchase_follows_a_view_and_a_cart_of_the_same_product_in_its_session(
    sessions: dict[str, list[dict[str, Any]]],
) -> None:
    purchases = 0
    for rows in sessions.values():
        done = set()
        for row in rows:
            if row["event_type"] in ("purchase", "remove_from_cart"):
                assert ("add_to_cart", row["product_id"]) in done
                purchases += row["event_type"] == "purchase"
            if row["event_type"] in ("add_to_cart", "wishlist"):
                assert ("view", row["product_id"]) in done
            done.add((row["event_type"], row["product_id"]))
    assert purchases > 500


def test_a_session_is_one_visitor_with_one_device_in_one_place(sessions: dict[str, list[dict[str, Any]]]) -> None:
    for rows in sessions.values():
        told = {(row["user_id"], row["user_segment"], row.get("device_type"), row.get("geo_city")) for row in rows}
        assert len(told) == 1


def test_what_is_bought_is_what_was_put_into_the_cart(sessions: dict[str, list[dict[str, Any]]]) -> None:
    for rows in sessions.values():
        counts = defaultdict(set)
        for row in rows:
            if row["event_type"] in ("add_to_cart", "remove_from_cart", "purchase"):
                counts[row["product_id"]].add((row["quantity"], row["price"]))
        carts = Counter(row["product_id"] for row in rows if row["event_type"] == "add_to_cart")
        assert all(len(found) == 1 for product, found in counts.items() if carts[product] == 1)


def test_anonymous_visitors_only_view_and_search(events: list[dict[str, Any]]) -> None:
    kinds = Counter(row["event_type"] for row in events if row["user_id"] == "0")
    assert set(kinds) == {"view", "search"}
    assert 0.05 < kinds.total() / len(events) < 0.4


def test_all_event_types_segments_and_categories_occur(events: list[dict[str, Any]]) -> None:
    assert {row["event_type"] for row in events} == set(EVENT_TYPES)
    assert {row["user_segment"] for row in events} == set(SEGMENTS)
    assert {row["category"] for row in events} == {category.name for category in CATEGORIES}
    assert len(CATEGORIES) == 12


def test_only_a_search_goes_without_product_and_price(events: list[dict[str, Any]]) -> None:
    for row in events:
        assert (row["product_id"] == "") == (row["price"] == "") == (row["event_type"] == "search")


def test_prices_lie_in_the_range_of_their_category(events: list[dict[str, Any]]) -> None:
    ranges = {category.name: (category.low * 3 // 4, category.high) for category in CATEGORIES}
    for row in events:
        if row["price"]:
            low, high = ranges[row["category"]]
            assert low <= Decimal(row["price"]) * 100 <= high


def test_few_products_draw_much_of_the_attention(events: list[dict[str, Any]]) -> None:
    views = Counter(row["product_id"] for row in events if row["event_type"] == "view")
    best = sum(count for _, count in views.most_common(len(views) // 10))
    assert best > 0.4 * views.total()


def test_premium_users_buy_more_often_than_users_at_risk(events: list[dict[str, Any]]) -> None:
    bought = Counter(row["user_segment"] for row in events if row["event_type"] == "purchase")
    viewed = Counter(row["user_segment"] for row in events if row["event_type"] == "view")
    assert bought["premium"] / viewed["premium"] > 2 * bought["at-risk"] / viewed["at-risk"]


def test_rows_of_a_file_are_ordered_within_a_minute_and_files_advance(events: list[dict[str, Any]]) -> None:
    latest, before, source = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), ""
    for row in events:
        moment = datetime.fromisoformat(row["event_time"])
        if row["source"] != source:
            source, before = row["source"], latest
        assert moment >= latest - timedelta(minutes=1)
        assert moment >= before - timedelta(milliseconds=1)
        latest = max(latest, moment)


def test_event_ids_look_random_and_never_repeat() -> None:
    ids = [name for index in range(1, 60) for name in event_ids(42, index, 500)]
    assert len(set(ids)) == len(ids)
    assert {len(name) for name in ids} == {36}
    assert not set(event_ids(43, 1, 500)) & set(ids)
