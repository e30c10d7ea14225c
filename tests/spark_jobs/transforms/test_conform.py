"""The version of a row, its migration, and what goes to extras. Covers conform and contract_version.

Covers: spark_jobs.transforms.contract_version.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chispa import assert_df_equality
from support.bronze_rows import V1, V2, V3, bronze, conformed, without

from schema_registry import registry
from spark_jobs.transforms.conform import conform, with_maps

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

    from schema_registry.registry import Subject

SENSORS = Path(__file__).parents[2] / "schema_registry" / "contracts"


@pytest.fixture(scope="module")
def shop() -> Subject:
    return registry.load().subject("ecommerce_events")


@pytest.fixture(scope="module")
def sensors() -> Subject:
    return registry.load(SENSORS).subject("sensor_readings")


VERSIONS = [
    # schema_version has a value: it decides, whatever is named
    (V3 | {"schema_version": "1"}, 1),
    (V3 | {"schema_version": " 2 "}, 2),
    (V1 | {"schema_version": "3"}, 3),
    (V3 | {"schema_version": "+3"}, 3),
    (V3 | {"schema_version": "03"}, 3),
    ({"schema_version": "2"}, 2),
    (V3 | {"schema_version": "abc"}, None),
    (V3 | {"schema_version": "0"}, None),
    (V3 | {"schema_version": "-1"}, None),
    (V3 | {"schema_version": "4"}, None),
    (V3 | {"schema_version": "99"}, None),
    (V3 | {"schema_version": "1.0"}, None),
    (V3 | {"schema_version": "v3"}, None),
    (V3 | {"schema_version": "99999999999999999999"}, None),
    # it has none: the highest version whose required fields are all named
    (V3 | {"schema_version": ""}, 3),
    (V3 | {"schema_version": "  "}, 3),
    (V3, 3),
    (V2, 2),
    (V1, 1),
    (dict.fromkeys(V3, ""), 3),
    (dict.fromkeys(V1, ""), 1),
    (without(V1, "product_id", "price"), 1),
    (without(V3, "product_id", "price", "user_segment", "browser", "referrer"), 3),
    (without(V3, "geo_country"), 2),
    (without(V3, "geo_country", "category"), 1),
    (without(V3, "category"), 1),
    (without(V3, "event_time"), None),
    (without(V1, "user_id"), None),
    ({"id": "1", "kind": "view"}, None),
    ({}, None),
]


def test_the_version_is_the_rows_own_word_or_else_the_highest_whose_required_fields_are_named(
    spark: SparkSession, shop: Subject
) -> None:
    found = [row["_version"] for row in conformed(spark, shop, [row for row, _ in VERSIONS])]
    assert found == [version for _, version in VERSIONS]


def test_the_chain_brings_every_version_to_the_latest(spark: SparkSession, shop: Subject) -> None:
    none_of_v3 = dict.fromkeys(["device_type", "geo_country", "browser", "geo_city", "referrer", "campaign_id"])
    v1_to_v3 = V1 | {"session_id": None, "category": "unknown", "quantity": "1", "user_segment": "unknown"} | none_of_v3
    given = {name: text or None for name, text in V3.items()}
    rows = [V1, V2, V3, V1 | {"price": "", "user_id": " "}, V3 | {"schema_version": "x"}]
    expected = [
        v1_to_v3 | {"_version": 1},
        V2 | none_of_v3 | {"_version": 2},
        given | {"_version": 3},
        v1_to_v3 | {"price": None, "user_id": " ", "_version": 1},
        given | {"_version": None},
    ]
    found = conform(bronze(spark, shop, rows), shop).select("_version", *shop.latest.field_names)
    schema = ", ".join(["_version int", *[f"{name} string" for name in shop.latest.field_names]])
    wanted = [tuple(row[name] for name in ("_version", *shop.latest.field_names)) for row in expected]
    assert_df_equality(found, spark.createDataFrame(wanted, schema).coalesce(1), ignore_nullable=True)


def test_what_a_rows_own_version_does_not_know_goes_to_extras_and_not_to_its_field(
    spark: SparkSession, shop: Subject
) -> None:
    rows = [
        V1 | {"device_type": "mobile", "quantity": "5", "geo_city": ""},
        V2 | {"device_type": "mobile", "colour": "red"},
        V3 | {"colour": "red", "size": " "},
        V1,
        V3 | {"schema_version": "1"},
        V1 | {"schema_version": "1", "geo_country": ""},
    ]
    found = conformed(spark, shop, rows)
    assert [row["_extras"] for row in found] == [
        {"device_type": "mobile", "quantity": "5"},
        {"device_type": "mobile", "colour": "red"},
        {"colour": "red", "size": " "},
        None,
        {"session_id": "s-1", "category": "books", "quantity": "2", "user_segment": "new", "device_type": "mobile",
         "geo_country": "DE"},
        None,
    ]  # fmt: skip
    assert [row["device_type"] for row in found] == [None, None, "mobile", None, None, None]
    assert [row["quantity"] for row in found] == ["1", "2", "2", "1", "1", "1"]


def test_the_payload_is_the_row_as_received_absent_empty_or_given(spark: SparkSession, shop: Subject) -> None:
    error = [("encoding", None, "byte 7")]
    rows: list[Any] = [V1 | {"price": "", "schema_version": "", "colour": "red", "size": ""}, V3 | {"user_id": " 7 "}, {},
            {"read_error": error, "raw": "\\xFF"}]  # fmt: skip
    found = [row["_payload"] for row in conformed(spark, shop, rows)]
    assert found == [rows[0], rows[1], {}, None]


def test_a_field_that_became_a_column_later_is_found_in_the_rest_of_older_rows(
    spark: SparkSession, shop: Subject
) -> None:
    rows = bronze(spark, shop, [V3, V3 | {"colour": "red"}]).withColumn("geo_city", _nothing())
    rows = rows.withColumn("payload_rest", _and_city("payload_rest"))
    newer = bronze(spark, shop, [V3 | {"geo_city": "Kiel"}])
    found = conform(rows.unionByName(newer), shop, ["geo_city"]).transform(with_maps, shop).collect()
    assert [row.geo_city for row in found] == ["Ulm", "Ulm", "Kiel"]
    assert [row._extras or {} for row in found] == [{}, {"colour": "red"}, {}]
    assert [row._payload for row in found] == [
        V3 | {"geo_city": "Ulm"},
        V3 | {"geo_city": "Ulm", "colour": "red"},
        V3 | {"geo_city": "Kiel"},
    ]


def _nothing() -> Column:
    from pyspark.sql.functions import lit

    return lit(None).cast("string")


def _and_city(name: str) -> Column:
    from pyspark.sql.functions import expr

    return expr(f"map_concat(coalesce({name}, map()), map('geo_city', 'Ulm'))")


def test_a_rename_and_a_widening_need_no_code(spark: SparkSession, sensors: Subject) -> None:
    old = {"reading_id": "r", "device": "ABC-0001", "measured_at": "2026-01-05T10:00", "status": "ok", "value": "1"}
    new = without(old, "device") | {"sensor_id": "ABC-0002", "place": "indoor", "uptime_seconds": "99999999999"}
    found = conformed(spark, sensors, [old, new, old | new, new | {"device": "ABC-0003", "schema_version": "2"}])
    names = ("_version", "sensor_id", "place", "uptime_seconds", "_extras")
    assert [tuple(row[name] for name in names) for row in found] == [
        (1, "ABC-0001", "unknown", None, None),
        (2, "ABC-0002", "indoor", "99999999999", None),
        (2, "ABC-0002", "indoor", "99999999999", {"device": "ABC-0001"}),
        (2, "ABC-0002", "indoor", "99999999999", {"device": "ABC-0003"}),
    ]
    assert "device" not in found[0]
