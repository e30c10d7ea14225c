"""Changes are held to what their operation brings: whole rows, parts of rows, keys, or nothing but themselves.

Covers judge, checks and contract_version of changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.bronze_rows import judged, without

from schema_registry.registry import load

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REGISTRY = load()
CHANGE = {"change_id": "x-1", "op": "c", "event_ts": "2026-01-05T11:00:00Z", "seq": "7"}
CUSTOMER_V1 = CHANGE | {
    "customer_id": "42", "first_name": "Ada", "last_name": "Byron", "email": "ada@example.org", "telephone": "1",
    "address": "1 Dean Street", "city": "London", "country": "GB",
}  # fmt: skip
CUSTOMER = without(CUSTOMER_V1, "telephone") | {"phone": "1", "segment": "new", "created_at": "2020-01-01 00:00"}
PRODUCT_V1 = CHANGE | {"product_id": "1", "name": "Cup", "category": "home", "brand": "", "price": "2.50"}
PRODUCT = without(PRODUCT_V1, "name") | {"product_name": "Cup", "cost": "1.00", "description": ""}
ORDER = CHANGE | {
    "order_id": "1", "customer_id": "42", "order_date": "2026-01-05T10:00:00Z", "status": "pending", "total_amount": "5",
}  # fmt: skip
ITEM = CHANGE | {
    "order_item_id": "1", "order_id": "1", "product_id": "1", "quantity": "2", "unit_price": "2.50", "line_total": "5.00",
}  # fmt: skip


def test_whole_rows_are_typed_and_migrated_from_the_version_they_fit(spark: SparkSession) -> None:
    first, second = judged(spark, REGISTRY.subject("customers"), [CUSTOMER_V1, CUSTOMER])
    assert (first["schema_version"], second["schema_version"]) == (1, 2)
    assert (first["_valid"], second["_valid"]) == (True, True)
    assert (first["phone"], first["segment"], first["created_at"]) == ("1", "unknown", None)
    assert (first["customer_id"], first["seq"], first["op"], first["_key"]) == (42, 7, "c", "x-1")
    assert first["_event_time"] == first["event_ts"]
    assert first["given"] is None
    old, new = judged(spark, REGISTRY.subject("products"), [PRODUCT_V1, PRODUCT])
    assert (old["product_name"], old["cost"], old["margin_percentage"]) == ("Cup", None, None)
    assert (new["schema_version"], str(new["margin_percentage"])) == (2, "60.00")


def test_what_is_wrong_with_the_change_itself_is_named_whatever_it_does(spark: SparkSession) -> None:
    rows = [
        CUSTOMER | {"change_id": " "},
        CUSTOMER | {"change_id": "x" * 201},
        CUSTOMER | {"op": "x"},
        CUSTOMER | {"op": ""},
        CUSTOMER | {"event_ts": "soon"},
        CUSTOMER | {"event_ts": "1999-12-31T23:59:59Z"},
        CUSTOMER | {"event_ts": "2026-01-05T12:06:00Z"},
        CUSTOMER | {"seq": ""},
        CUSTOMER | {"seq": "1.0", "op": "d"},
        CUSTOMER | {"event_ts": "", "op": "t"},
    ]
    assert [row["_reasons"] for row in judged(spark, REGISTRY.subject("customers"), rows)] == [
        [("missing", "change_id")],
        [("too_long", "change_id")],
        [("not_allowed", "op")],
        [("missing", "op")],
        [("bad_type", "event_ts")],
        [("too_old", "event_ts")],
        [("future", "event_ts")],
        [("missing", "seq")],
        [("bad_type", "seq")],
        [("missing", "event_ts")],
    ]


def test_a_delete_needs_its_key_and_a_truncate_nothing_but_itself(spark: SparkSession) -> None:
    rows = [
        CHANGE | {"op": "d", "customer_id": "42"},
        CHANGE | {"op": "d", "customer_id": "42", "country": "nowhere", "email": ""},
        CHANGE | {"op": "d", "customer_id": ""},
        CHANGE | {"op": "d", "customer_id": "-1", "telephone": "1"},
        CHANGE | {"op": "t"},
        CHANGE | {"op": "t", "customer_id": "x"},
    ]
    found = judged(spark, REGISTRY.subject("customers"), rows)
    assert [row["_reasons"] for row in found] == [
        [],
        [],
        [("missing", "customer_id")],
        [("out_of_range", "customer_id")],
        [],
        [],
    ]
    assert [row["schema_version"] for row in found] == [2, 2, 2, 1, 2, 2]


def test_a_whole_row_is_held_to_every_rule(spark: SparkSession) -> None:
    wrong = {"email": "ada", "country": "gb", "first_name": ""}
    rows = [CUSTOMER | {"op": op} | faults for op in "cru" for faults in (wrong, {"segment": "vip"})]
    assert [row["_reasons"] for row in judged(spark, REGISTRY.subject("customers"), rows)] == 3 * [
        [("missing", "first_name"), ("bad_pattern", "email"), ("bad_pattern", "country")],
        [("not_allowed", "segment")],
    ]
    items = [ITEM | {"op": op, "line_total": "5.01"} for op in "cru"]
    found = judged(spark, REGISTRY.subject("order_items"), items)
    assert [row["_reasons"] for row in found] == 3 * [[("rule", "line_total_is_quantity_times_unit_price")]]


def test_a_partial_update_is_held_to_what_it_names(spark: SparkSession) -> None:
    part = CHANGE | {"op": "u", "order_id": "1", "status": "shipped"}
    rows = [
        part,
        part | {"status": ""},
        without(part, "order_id"),
        part | {"total_amount": "-1"},
        part | {"op": "c"},
        ORDER | {"op": "u"},
    ]
    found = judged(spark, REGISTRY.subject("orders"), rows)
    assert [row["_reasons"] for row in found] == [
        [],
        [("missing", "status")],
        [("missing", "order_id")],
        [("out_of_range", "total_amount")],
        [("unknown_version", "schema_version")],
        [],
    ]
    assert found[0]["given"] == ["order_id", "status"]
    assert found[0]["customer_id"] is None
    assert found[5]["given"] == ["order_id", "customer_id", "order_date", "status", "total_amount"]
