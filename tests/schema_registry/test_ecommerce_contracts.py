"""The shipped contracts of ecommerce_events: fields, rules, migrations, compatibility and fingerprints."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schema_registry.compatibility import violations
from schema_registry.fingerprint import fingerprint
from schema_registry.registry import load

SUBJECT = load().subject("ecommerce_events")
V1, V2, V3 = SUBJECT.contracts

FINGERPRINTS = {
    1: "897ff9e703fe8865367db92c71459fdf6ef0ac9607c7523873b43569c43bb300",
    2: "75e8efabae628e1a9fdc42dccf03805c7ce4b2b8a6e21794a3286bb5a3b4a432",
    3: "0423f585fd39ca1b4ff32d47ef49b806ee3ff59cd2d86692200c5f1d6006c192",
}


def test_there_are_three_frozen_versions_of_events() -> None:
    assert SUBJECT.frozen == (1, 2, 3)
    assert (SUBJECT.kind, V3.key, V3.event_time) == ("events", ("event_id",), "event_time")


def test_the_frozen_fingerprints_are_these_for_ever() -> None:
    assert {contract.version: fingerprint(contract) for contract in SUBJECT.contracts} == FINGERPRINTS


def test_each_version_has_its_fields() -> None:
    first = ("event_id", "user_id", "event_type", "product_id", "price", "event_time")
    second = (*first, "session_id", "category", "quantity", "user_segment")
    third = (*second, "device_type", "geo_country", "browser", "geo_city", "referrer", "campaign_id")
    assert [contract.field_names for contract in SUBJECT.contracts] == [first, second, third]
    assert SUBJECT.known_fields == (*third, "schema_version")


def test_a_version_is_told_by_its_required_fields() -> None:
    first = ("event_id", "user_id", "event_type", "event_time")
    second = (*first, "session_id", "category", "quantity")
    assert V1.required_names == first
    assert V2.required_names == second
    assert V3.required_names == (*second, "device_type", "geo_country")


def test_product_and_price_are_required_but_for_a_search() -> None:
    assert V3.field("product_id").required_when == "event_type <> 'search'"
    assert V3.field("price").required_when == "event_type <> 'search'"


def test_constraints_are_those_of_the_design() -> None:
    types = {field.name: field.type.sql for field in V3.fields if field.type.name != "string"}
    assert types == {
        "user_id": "bigint",
        "product_id": "bigint",
        "price": "decimal(18,2)",
        "event_time": "timestamp",
        "quantity": "int",
    }
    assert (V3.field("event_id").max_length, V3.field("event_id").non_blank) == (64, True)
    assert (V3.field("session_id").non_blank, V3.field("category").non_blank) == (True, True)
    assert (V3.field("price").min, V3.field("price").max) == (Decimal(0), Decimal(1_000_000))
    assert (V3.field("user_id").min, V3.field("product_id").min, V3.field("quantity").min) == (0, 1, 0)  # type: ignore[comparison-overlap]
    assert V3.field("event_time").not_before == datetime(2000, 1, 1, tzinfo=UTC)
    assert V3.field("event_time").not_future
    assert V3.field("event_type").enum == ("view", "search", "add_to_cart", "remove_from_cart", "wishlist", "purchase")
    assert V3.field("user_segment").enum == ("new", "returning", "premium", "inactive", "at-risk", "unknown")
    assert V3.field("device_type").enum == ("desktop", "mobile", "tablet", "other")
    assert V3.field("geo_country").pattern == "^[A-Z]{2}$"
    assert V3.field("referrer").max_length == 2048


def test_rules_and_derived_columns_come_with_the_fields_they_read() -> None:
    first = ["anonymous_users_only_browse", "purchase_has_a_price"]
    assert [rule.name for rule in V1.rules] == first
    for contract in (V2, V3):
        assert [rule.name for rule in contract.rules] == [*first, "cart_and_purchase_have_a_quantity"]
        assert [(each.name, each.type.sql, each.expr) for each in contract.derive] == [
            ("total_amount", "decimal(30,2)", "price * quantity")
        ]
    assert V1.derive == ()


def test_old_rows_get_the_designed_defaults() -> None:
    second, third = SUBJECT.steps
    assert {name: sql for name, sql in second.expressions.items() if sql != f"`{name}`"} == {
        "session_id": "null",
        "category": "'unknown'",
        "quantity": "1",
        "user_segment": "'unknown'",
    }
    added = [name for name in V3.field_names if name not in V2.field_names]
    assert {name: sql for name, sql in third.expressions.items() if sql != f"`{name}`"} == dict.fromkeys(added, "null")


def test_session_is_asked_only_of_rows_since_version_two() -> None:
    assert SUBJECT.introduced_in["session_id"] == 2
    assert SUBJECT.introduced_in["device_type"] == 3
    assert SUBJECT.introduced_in["price"] == 1


@pytest.mark.parametrize(("older", "newer", "between"), [(V1, V2, ()), (V2, V3, ()), (V1, V3, (V2,))])
def test_every_version_reads_the_rows_of_those_before(older: Any, newer: Any, between: Any) -> None:
    assert violations(older, newer, "backward", between) == []


def test_every_field_and_rule_has_a_doc() -> None:
    for contract in SUBJECT.contracts:
        described: tuple[Any, ...] = (*contract.fields, *contract.rules, *contract.derive)
        assert all(each.doc for each in described)
