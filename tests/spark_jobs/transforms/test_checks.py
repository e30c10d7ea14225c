"""Every rule of ecommerce_events at its boundaries: one row a line, and exactly the reasons against it.

Covers: spark_jobs.transforms.field_checks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.bronze_rows import INGESTED, V1, V2, V3, judged, without

from schema_registry import registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject

CART = ("rule", "cart_and_purchase_have_a_quantity")
FREE = ("rule", "purchase_has_a_price")
ANONYMOUS = ("rule", "anonymous_users_only_browse")
UNKNOWN = ("unknown_version", "schema_version")
LIMIT = INGESTED + timedelta(minutes=5)
PURCHASE = V3 | {"event_type": "purchase"}


def changed(field: str, *cases: Any) -> list[Any]:
    """The row of version 3 with one other value, and the reasons for it."""
    return [(V3 | {field: value}, [(code, field) for code in codes]) for value, *codes in cases]


TYPES_AND_BOUNDS = [
    (V1, []),
    (V2, []),
    (V3, []),
    *changed("event_id", ("x" * 64,), ("x" * 65, "too_long"), ("ü" * 64,), ("😀" * 64,), ("😀" * 65, "too_long")),
    *changed("event_id", ("", "missing"), (" ", "missing"), (" \t\r\n", "missing"), ("\u00a0\u3000", "missing")),
    *changed("event_id", (" a",), ("\u00a0a",), ("0",), ("é",)),
    *changed("user_id", ("0",), ("1",), ("-1", "out_of_range"), ("9223372036854775807",), (" 3 ",)),
    *changed("user_id", ("", "missing"), (" ", "bad_type"), ("1.0", "bad_type"), ("9223372036854775808", "bad_type")),
    *changed("event_type", ("view",), ("search",), ("add_to_cart",), ("remove_from_cart",), ("wishlist",)),
    *changed("event_type", ("purchase",), ("View", "not_allowed"), (" view", "not_allowed"), ("view\n", "not_allowed")),
    *changed("event_type", ("", "missing"), ("refund", "not_allowed")),
    *changed("product_id", ("1",), ("0", "out_of_range"), ("-1", "out_of_range"), ("x", "bad_type"), ("", "missing")),
    *changed("price", ("0",), ("0.00",), ("-0.01", "out_of_range"), ("-0.00",), ("1000000",), ("1000000.00",)),
    *changed("price", ("1000000.01", "out_of_range"), ("12.345", "bad_type"), ("NaN", "bad_type"), ("", "missing")),
    *changed("price", ("99999999999999999999999", "bad_type"), ("Infinity", "bad_type")),
    *changed("event_time", ("2000-01-01T00:00:00Z",), ("1999-12-31T23:59:59.999999Z", "too_old")),
    *changed("event_time", ("2000-01-01T00:59+01:00", "too_old"), ("2000-01-01T01:00+01:00",)),
    *changed("event_time", (f"{LIMIT:%Y-%m-%dT%H:%M:%SZ}",), (f"{LIMIT:%Y-%m-%dT%H:%M:%S}.000001Z", "future")),
    *changed("event_time", ("9999-12-31T00:00Z", "future"), ("2026-01-05", "bad_type"), ("", "missing")),
    *changed("event_time", ("0000-01-01T00:00Z", "bad_type"), ("2026-01-05T24:00:00Z", "bad_type")),
    *changed("session_id", ("", "missing"), ("  ", "missing"), ("\t", "missing"), ("s",)),
    *changed("category", ("", "missing"), ("  ", "missing"), ("c" * 5000,)),
    *changed("quantity", ("0",), ("1",), ("-1", "out_of_range"), ("2147483647",), ("2147483648", "bad_type")),
    *changed("quantity", ("", "missing"), ("1.0", "bad_type"), ("two", "bad_type")),
    *changed("user_segment", ("",), ("at-risk",), ("unknown",), ("vip", "not_allowed"), ("New", "not_allowed")),
    *changed("device_type", ("desktop",), ("tablet",), ("other",), ("", "missing"), ("tv", "not_allowed")),
    *changed("geo_country", ("GB",), ("", "missing"), ("de", "bad_pattern"), ("DEU", "bad_pattern")),
    *changed(
        "geo_country", ("DE\n", "bad_pattern"), ("\nDE", "bad_pattern"), ("ÄÖ", "bad_pattern"), ("D", "bad_pattern")
    ),
    *changed("referrer", ("r" * 2048,), ("r" * 2049, "too_long"), ("",), ("😀" * 2048,)),
    *changed("browser", ("",), ("b" * 5000,)),
    *changed("campaign_id", ("c",)),
]

ROW_RULES = [
    *[(V3 | {"event_type": kind, "user_id": "0"}, []) for kind in ("view", "search")],
    *[
        (V3 | {"event_type": kind, "user_id": "0"}, [ANONYMOUS])
        for kind in ("add_to_cart", "remove_from_cart", "wishlist", "purchase")
    ],
    *[(V3 | {"event_type": kind, "quantity": "0"}, []) for kind in ("view", "search", "wishlist")],
    *[
        (V3 | {"event_type": kind, "quantity": quantity}, reasons)
        for kind in ("add_to_cart", "remove_from_cart", "purchase")
        for quantity, reasons in (("1", []), ("0", [CART]), ("-1", [("out_of_range", "quantity"), CART]))
    ],
    (PURCHASE | {"price": "0.01"}, []),
    (PURCHASE | {"price": "0"}, [FREE]),
    (PURCHASE | {"price": "-0.01"}, [("out_of_range", "price"), FREE]),
    (V3 | {"event_type": "add_to_cart", "price": "0"}, []),
]

REQUIRED_WHEN = [
    (V3 | {"event_type": "search", "product_id": "", "price": ""}, []),
    (V3 | {"event_type": "view", "product_id": "", "price": ""}, [("missing", "product_id"), ("missing", "price")]),
    (without(V3, "product_id", "price") | {"event_type": "search"}, []),
    (without(V3, "product_id", "price"), [("missing", "product_id"), ("missing", "price")]),
    (
        V3 | {"event_type": "search", "product_id": "0", "price": "x"},
        [("out_of_range", "product_id"), ("bad_type", "price")],
    ),
    # an event type that is none demands what every one but search demands; one that is missing demands nothing
    (V3 | {"event_type": "refund", "price": ""}, [("not_allowed", "event_type"), ("missing", "price")]),
    (V3 | {"event_type": "", "price": ""}, [("missing", "event_type")]),
]  # fmt: skip

VERSIONS = [
    # a row of an older version lacks nothing that only newer ones have
    (V1, []),
    (V2, []),
    (V1 | {"schema_version": "1"}, []),
    (V1 | {"schema_version": "2"}, [("missing", "session_id"), ("missing", "category"), ("missing", "quantity")]),
    (V2 | {"schema_version": "3"}, [("missing", "device_type"), ("missing", "geo_country")]),
    (V3 | {"schema_version": "1", "quantity": "x", "geo_country": "?"}, []),
    (V2 | {"device_type": "fridge", "geo_city": "?", "referrer": "r" * 2049}, []),
    (V2 | {"category": " ", "quantity": "-1"}, [("missing", "category"), ("out_of_range", "quantity")]),
    (without(V3, "category") | {"schema_version": "3"}, [("missing", "category")]),
    (V1 | {"event_type": "purchase", "price": "0"}, [FREE]),
    (V1 | {"event_type": "add_to_cart"}, []),
    # of a row whose version nobody knows nothing else is said
    (V3 | {"schema_version": "99", "user_id": "x", "price": "-1"}, [UNKNOWN]),
    (V3 | {"schema_version": "abc"}, [UNKNOWN]),
    ({"id": "1", "kind": "view"}, [UNKNOWN]),
    ({}, [UNKNOWN]),
]

SEVERAL_FAULTS = [
    (
        V3 | {"user_id": "-1", "product_id": "0", "price": "n/a", "event_time": "soon", "geo_country": "?"},
        [("out_of_range", "user_id"), ("out_of_range", "product_id"), ("bad_type", "price"), ("bad_type", "event_time"),
         ("bad_pattern", "geo_country")],
    ),
    (
        PURCHASE | {"user_id": "0", "price": "0", "quantity": "0", "event_id": " " * 65},
        [("missing", "event_id"), ("too_long", "event_id"), ANONYMOUS, FREE, CART],
    ),
    (
        dict.fromkeys(V3, ""),
        [("missing", name) for name in ("event_id", "user_id", "event_type", "event_time", "session_id", "category",
                                        "quantity", "device_type", "geo_country")],
    ),
    (
        dict.fromkeys(V3, "\x00?"),
        [("bad_type", "user_id"), ("not_allowed", "event_type"), ("bad_type", "product_id"), ("bad_type", "price"),
         ("bad_type", "event_time"), ("bad_type", "quantity"), ("not_allowed", "user_segment"),
         ("not_allowed", "device_type"), ("bad_pattern", "geo_country")],
    ),
    # what could not be read breaks no rule besides
    (PURCHASE | {"price": "x", "quantity": "x"}, [("bad_type", "price"), ("bad_type", "quantity")]),
    (PURCHASE | {"user_id": "x"}, [("bad_type", "user_id")]),
]  # fmt: skip

TABLE = TYPES_AND_BOUNDS + ROW_RULES + REQUIRED_WHEN + VERSIONS + SEVERAL_FAULTS


@pytest.fixture(scope="module")
def shop() -> Subject:
    return registry.load().subject("ecommerce_events")


@pytest.fixture(scope="module")
def verdicts(spark: SparkSession, shop: Subject) -> list[dict[str, Any]]:
    return judged(spark, shop, [row for row, _ in TABLE])


def test_each_row_has_exactly_these_reasons(verdicts: list[dict[str, Any]]) -> None:
    wrong = [
        (row, expected, verdict["_reasons"])
        for (row, expected), verdict in zip(TABLE, verdicts, strict=True)
        if verdict["_reasons"] != expected
    ]
    assert wrong == []


def test_a_row_is_valid_if_there_is_no_reason_against_it(verdicts: list[dict[str, Any]]) -> None:
    assert [row["_valid"] for row in verdicts] == [not reasons for _, reasons in TABLE]
    assert len(verdicts) > 150


def test_a_row_carries_each_reason_once_per_field_and_in_words(verdicts: list[dict[str, Any]]) -> None:
    for row in verdicts:
        assert len(row["_reasons"]) == len(set(row["_reasons"]))
        assert all(row["_details"]), row


def test_only_a_refused_row_carries_its_payload(verdicts: list[dict[str, Any]]) -> None:
    for (row, reasons), verdict in zip(TABLE, verdicts, strict=True):
        assert (None if verdict["_payload"] is None else dict(verdict["_payload"])) == (row if reasons else None)


def test_the_words_show_the_text_and_the_bound(spark: SparkSession, shop: Subject) -> None:
    rows = [V3 | {"price": "1000000.01"}, V3 | {"user_id": "x" * 100}, V3 | {"event_type": "refund"},
            V3 | {"schema_version": "9"}, V3 | {"event_time": "1999-01-01T00:00"}, {},
            V3 | {"referrer": "r" * 3000}]  # fmt: skip
    assert [detail for row in judged(spark, shop, rows) for detail in row["_details"]] == [
        "'1000000.01' is not between 0 and 1000000",
        f"'{'x' * 80}…' is no bigint",
        "'refund' is none of view, search, add_to_cart, remove_from_cart, wishlist, purchase",
        "'9' is none of 1 to 3",
        "'1999-01-01T00:00' is before 2000-01-01",
        "no version's required fields are all named; v1 needs event_id, user_id, event_type, event_time",
        "3000 characters, at most 2048 allowed",
    ]
