"""Judgement as a whole: order of judgement, lateness, derived columns, poison, subjects without code, an oracle."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from chispa import assert_df_equality
from support.bronze_rows import INGESTED, OPTIONS, V1, V2, V3, bronze, judged, without

from generator.events.options import EventOptions
from generator.events.run import run_events
from schema_registry import registry
from spark_jobs.lake import Lake
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand
from spark_jobs.transforms.conform import conform
from spark_jobs.transforms.judge import BITS, judge

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject

TESTS = Path(__file__).parents[2]
SENSORS = TESTS / "schema_registry" / "contracts"
judged_file = runpy.run_path(str(TESTS / "support" / "contract_oracle.py"))["judged_file"]
MARK = datetime(2026, 1, 5, 11, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop() -> Subject:
    return registry.load().subject("ecommerce_events")


def subject_of(tmp_path: Path, fields: dict[str, Any], **more: Any) -> Subject:
    """A subject of one version, loaded from a file like any other."""
    contract = {
        "subject": "things", "version": 1, "kind": "events", "key": ["thing_id"], "event_time": "seen_at",
        "fields": {"thing_id": {"type": "string", "required": True}, "seen_at": {"type": "timestamp", "required": True}}
        | fields,
    } | more  # fmt: skip
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "v1.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    return registry.load(tmp_path).subject("things")


THING = {"thing_id": "t", "seen_at": "2026-01-05T10:00"}


def test_an_unreadable_row_passes_through_with_its_reasons_alone(spark: SparkSession, shop: Subject) -> None:
    errors = [("column_count", None, "6 cells, 5 names"), ("encoding", "price", "byte 3")]
    [row] = judged(spark, shop, [{"read_error": errors, "raw": "a,b\\xFF"}])
    assert row["_reasons"] == [("column_count", None), ("encoding", "price")]
    assert row["_details"] == ["6 cells, 5 names", "byte 3"]
    assert (row["_valid"], row["raw"], row["_payload"]) == (False, "a,b\\xFF", None)


def test_an_accepted_row_is_typed_and_enriched(spark: SparkSession, shop: Subject) -> None:
    rows = [V3 | {"event_time": "2026-01-05T01:30:00.5+02:00", "price": "9.99", "quantity": "3"}, V1]
    new, old = judged(spark, shop, rows)
    assert new["event_time"] == datetime(2026, 1, 4, 23, 30, 0, 500_000, tzinfo=UTC)
    assert (new["event_date"], new["schema_version"]) == (date(2026, 1, 4), 3)
    assert (new["_key"], new["user_id"], new["price"], new["quantity"]) == ("e-1", 7, Decimal("9.99"), 3)
    assert (new["browser"], new["extras"], new["_control"]) == (None, None, False)
    assert (old["schema_version"], old["session_id"], old["category"], old["quantity"]) == (1, None, "unknown", 1)


def test_total_amount_is_price_times_quantity_to_the_cent(spark: SparkSession, shop: Subject) -> None:
    pairs = [("9.99", "3"), ("0.01", "2147483647"), ("1000000.00", "2147483647"), ("0", "5"), ("0.10", "0"), ("", "2")]
    rows = [V3 | {"price": price, "quantity": quantity, "event_type": "search"} for price, quantity in pairs]
    expected = [Decimal(price) * int(quantity) if price else None for price, quantity in pairs]
    found = judged(spark, shop, rows)
    assert [row["total_amount"] for row in found] == expected
    assert all(row["_valid"] for row in found)


def test_where_late_rows_are_refused_a_valid_row_keeps_its_payload_as_it_may_be_late(
    spark: SparkSession, shop: Subject
) -> None:
    rows = [V3, V3 | {"price": "-1"}]
    found = judged(spark, shop, rows, replace(OPTIONS, refuse_late=True))
    assert [dict(row["_payload"]) for row in found] == rows
    assert [row["_reasons"] for row in found] == [[], [("out_of_range", "price")]]
    assert [row["_payload"] is None for row in judged(spark, shop, rows)] == [True, False]


def test_the_clock_skew_is_a_term_and_not_a_constant(spark: SparkSession, shop: Subject) -> None:
    ahead = INGESTED + timedelta(milliseconds=1500)
    rows = [V3 | {"event_time": f"{ahead:%Y-%m-%dT%H:%M:%S}{fraction}"} for fraction in (".5", ".500001")]
    found = judged(spark, shop, rows, replace(OPTIONS, clock_skew=timedelta(milliseconds=1500)))
    assert [row["_reasons"] for row in found] == [[], [("future", "event_time")]]


def test_a_subject_that_no_code_knows_is_judged_by_its_contracts(spark: SparkSession) -> None:
    sensors = registry.load(SENSORS).subject("sensor_readings")
    old = {"reading_id": "r", "device": "ABC-0001", "measured_at": "2026-01-05T10:00", "status": "ok", "value": "1.5",
           "uptime_seconds": "10", "calibrated": "true", "fitted_on": "2025-12-31"}  # fmt: skip
    new = without(old, "device") | {"sensor_id": "ABC-0001", "place": "indoor", "set_point": "20.25"}
    near = ("rule", "value_is_near_its_set_point")
    suspect = ("rule", "suspect_readings_come_from_uncalibrated_sensors")
    table = [
        (old, []),
        (new, []),
        (new | {"uptime_seconds": "99999999999"}, []),
        (old | {"uptime_seconds": "99999999999"}, []),
        (old | {"device": "abc"}, [("bad_pattern", "sensor_id")]),
        (old | {"device": ""}, [("missing", "sensor_id")]),
        (new | {"sensor_id": ""}, [("missing", "sensor_id")]),
        (new | {"place": ""}, [("missing", "place")]),
        (new | {"value": ""}, [("missing", "value")]),
        (new | {"value": "", "status": "failed"}, []),
        (new | {"value": "-273.15", "set_point": ""}, []),
        (new | {"value": "-273.1501", "set_point": ""}, [("out_of_range", "value")]),
        (new | {"value": "2000.0001"}, [("out_of_range", "value"), near]),
        (new | {"value": "520.25"}, []),
        (new | {"value": "520.2501"}, [near]),
        (new | {"status": "suspect"}, [suspect]),
        (new | {"status": "suspect", "calibrated": "false"}, []),
        (new | {"status": "suspect", "calibrated": ""}, []),
        (new | {"calibrated": "1", "fitted_on": "yesterday"}, [("bad_type", "calibrated"), ("bad_type", "fitted_on")]),
        (new | {"measured_at": "2014-12-31T23:59:59Z"}, [("too_old", "measured_at")]),
    ]
    found = judged(spark, sensors, [row for row, _ in table])
    assert [(row, verdict["_reasons"]) for (row, _), verdict in zip(table, found, strict=True)] == table
    assert (found[0]["sensor_id"], found[0]["place"], found[0]["deviation"]) == ("ABC-0001", "unknown", None)
    assert found[1]["deviation"] == Decimal("-18.7500")
    assert (found[1]["calibrated"], found[1]["fitted_on"]) == (True, date(2025, 12, 31))


def test_a_contract_of_more_checks_than_a_long_has_bits(spark: SparkSession, tmp_path: Path) -> None:
    count = 40
    subject = subject_of(tmp_path, {f"n{at}": {"type": "int", "min": 0} for at in range(count)})
    assert 2 * count > BITS
    rows = [
        THING,
        THING | {f"n{at}": "-1" for at in range(count)},
        THING | {f"n{at}": "x" for at in range(count)},
        *[THING | {f"n{at}": "-1"} for at in range(count)],
    ]
    found = judged(spark, subject, rows)
    assert found[0]["_valid"]
    assert found[1]["_reasons"] == [("out_of_range", f"n{at}") for at in range(count)]
    assert found[2]["_reasons"] == [("bad_type", f"n{at}") for at in range(count)]
    assert [row["_reasons"] for row in found[3:]] == [[("out_of_range", f"n{at}")] for at in range(count)]
    assert not any(row["_valid"] for row in found[1:])


def test_bounds_of_wide_decimals_and_in_any_spelling_hold(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    fields = {"wide": {"type": "decimal(38,2)", "max": 10**30}, "whole": {"type": "bigint", "max": 9_000_000_000}}
    subject = subject_of(tmp_path / "wide", fields)
    text = (tmp_path / "wide" / "things" / "v1.yaml").read_text(encoding="utf-8").replace("9000000000", "9.0e+9")
    (tmp_path / "wide" / "things" / "v1.yaml").write_text(text, encoding="utf-8")
    subject = registry.load(tmp_path / "wide").subject("things")
    rows = [
        THING | {"wide": f"1{'0' * 30}.00", "whole": "9000000000"},
        THING | {"wide": f"1{'0' * 30}.01", "whole": "9000000001"},
        THING | {"wide": "9" * 36 + ".99"},
    ]
    wide, whole = ("out_of_range", "wide"), ("out_of_range", "whole")
    assert [row["_reasons"] for row in judged(spark, subject, rows)] == [[], [wide, whole], [wide]]


def test_a_blank_in_a_field_that_may_be_absent_is_missing(spark: SparkSession, tmp_path: Path) -> None:
    fields = {
        "note": {"type": "string", "non_blank": True},
        "why": {"type": "string", "non_blank": True, "required_when": "note = 'odd'"},
    }
    subject = subject_of(tmp_path, fields)
    rows = [{}, {"note": " "}, {"note": "odd"}, {"note": "odd", "why": "\t"}, {"note": "x", "why": " "}, {"why": "y"}]
    note, why = [("missing", "note")], [("missing", "why")]
    assert [row["_reasons"] for row in judged(spark, subject, [THING | row for row in rows])] == [
        [], note, why, why, why, [],
    ]  # fmt: skip


POISON = {
    "text": ["", "x(", "1e999", "-", "NaN", "\x00", "%\\", "9" * 50, "2026-02-30", "ü" * 500],
    "whole": ["", "0", "2147483647", "-2147483648", "x"],
    "large": ["", "0", "9223372036854775807", "-9223372036854775808", "1.5"],
    "money": ["", "0", "9999999999999999.99", "-9999999999999999.99", "NaN"],
    "day": ["", "0001-01-01", "9999-12-31", "2026-02-30"],
}


@pytest.fixture
def poisoned(tmp_path: Path) -> Any:
    types = {"text": "string", "whole": "int", "large": "bigint", "money": "decimal(18,2)", "day": "date"}
    derive = {
        "narrowed": {"type": "int", "expr": "large"},
        "overflowed": {"type": "decimal(18,2)", "expr": "money * money"},
        "read": {"type": "date", "expr": "text"},
        "counted": {"type": "bigint", "expr": "text"},
    }
    subject = subject_of(tmp_path, {name: {"type": type_} for name, type_ in types.items()}, derive=derive)
    rows = [THING | {field: text} for field, texts in POISON.items() for text in texts]
    longest = max(len(texts) for texts in POISON.values())
    rows += [THING | {name: texts[at % len(texts)] for name, texts in POISON.items()} for at in range(3 * longest)]
    return subject, rows


def test_no_value_makes_a_derived_column_throw(spark: SparkSession, poisoned: Any) -> None:
    subject, rows = poisoned
    found = judged(spark, subject, rows)
    assert len(found) == len(rows)
    large = [row for row in found if row["large"] == 2**63 - 1]
    assert large
    assert all(row["narrowed"] is None for row in large), "too large for the column is null, never another number"
    assert all(row["overflowed"] is None for row in found if row["money"])


def test_the_product_switches_ansi_mode_off_because_rules_could_throw_in_it(spark: SparkSession) -> None:
    assert spark.conf.get("spark.sql.ansi.enabled") == "false"


@pytest.fixture(scope="module")
def landed(spark: SparkSession, shop: Subject, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Some thousand generated rows with many faults, landed as the lake lands them: the paths, and Bronze."""
    folder = tmp_path_factory.mktemp("generated")
    options = EventOptions(
        out=folder / "landing", manifest=folder / "manifest.jsonl", rows_per_file=400, files=10, every_seconds=0,
        fault_rate=0.4, duplicate_rate=0.05, late_rate=0.05, seed=7,
    )  # fmt: skip
    run_events(options)
    paths = sorted(path for path in (folder / "landing" / "ecommerce_events").iterdir() if path.name.endswith(".csv"))
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    table = Lake(folder / "lake").bronze(shop)
    files = [FileToLand(str(path), path.name, path.stat().st_size, 0, now + at) for at, path in enumerate(paths)]
    land_files(files, table, shop.known_fields)
    return paths, spark.read.parquet(table.path)


def test_an_oracle_in_plain_python_finds_the_same_reasons_for_every_generated_row(shop: Subject, landed: Any) -> None:
    paths, rows = landed
    verdicts = judge(conform(rows, shop), shop, OPTIONS).select(
        "source", "source_position", "_valid", "_reasons", "price"
    )
    found = {(row["source"], row["source_position"]): row for row in verdicts.toArrow().to_pylist()}
    expected = {
        (path.name, place): verdict for path in paths for place, verdict in enumerate(judged_file(path.read_bytes()), 1)
    }
    assert found.keys() == expected.keys()
    assert len(found) > 4_000
    wrong = []
    for seat, verdict in expected.items():
        reasons = [(reason["code"], reason["field"]) for reason in found[seat]["_reasons"] or []]
        agrees = set(reasons) == verdict.reasons and len(reasons) == len(set(reasons))
        if not agrees or found[seat]["_valid"] != (not reasons):
            wrong.append((seat, reasons, verdict))
        elif not reasons and found[seat]["price"] != verdict.values.get("price"):
            wrong.append((seat, found[seat]["price"], verdict))
    assert wrong == []
    codes = {code for verdict in expected.values() for code, _ in verdict.reasons}
    assert len(codes) >= 12


def test_the_same_rows_are_judged_the_same_twice_however_they_are_split(shop: Subject, landed: Any) -> None:
    _, rows = landed
    options = replace(OPTIONS, refuse_late=True)
    once = judge(conform(rows.coalesce(1), shop), shop, options)
    again = judge(conform(rows.repartition(3), shop), shop, options)
    plain = [name for name in once.columns if name not in ("extras", "_payload")]
    seat = ["source", "source_position"]
    assert_df_equality(once.select(plain).orderBy(seat), again.select(plain).orderBy(seat))


def test_an_empty_batch_is_judged_to_nothing(spark: SparkSession, shop: Subject) -> None:
    assert judged(spark, shop, []) == []
    columns = judge(conform(bronze(spark, shop, [V2]), shop), shop, OPTIONS).columns
    assert len(columns) == len(set(columns))
