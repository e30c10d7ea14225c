"""One import to test one's own rules: text in, verdicts, reasons and typed values out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from chispa import assert_df_equality

from schema_registry import registry
from schema_registry.errors import ContractError
from spark_jobs.testing import judge_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SENSORS = Path(__file__).parents[1] / "schema_registry" / "contracts" / "sensor_readings"
OLD = {
    "reading_id": "r", "device": "ABC-0001", "measured_at": "2026-01-05T10:00", "status": "ok", "value": "1.5",
    "uptime_seconds": "10",
}  # fmt: skip
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def found(frame: DataFrame) -> list[dict[str, Any]]:
    """The rows, each with its reasons as (code, field)."""
    rows = frame.toArrow().to_pylist()
    return [row | {"reasons": [(why["code"], why["field"]) for why in row["reasons"]]} for row in rows]


def test_rows_come_back_in_order_with_a_verdict_reasons_and_typed_values(spark: SparkSession) -> None:
    judged = judge_rows(spark, SENSORS, [OLD | {"value": text} for text in ("1.5", "x", "")])
    assert_df_equality(
        judged.select("verdict", "reasons", "value", "sensor_id", "schema_version"),
        spark.createDataFrame(
            [
                ("accepted", [], Decimal("1.5000"), "ABC-0001", 1),
                ("dead_letter", [("bad_type", "value", "'x' is no decimal(12,4)")], None, "ABC-0001", 1),
                ("dead_letter", [("missing", "value", "'value' is absent or empty, and required where "
                                                      "status <> 'failed'")], None, "ABC-0001", 1),
            ],
            "verdict string, reasons array<struct<code:string,field:string,detail:string>>, value decimal(12,4), "
            "sensor_id string, schema_version int",
        ),
        ignore_nullable=True,
    )  # fmt: skip


def test_a_csv_text_is_read_as_a_landed_file_is(spark: SparkSession) -> None:
    text = (
        "reading_id,device,measured_at,status,value,colour\n"
        'r-1,ABC-0001,2026-01-05T10:00,ok,1,"red, dark"\n'
        "r-2,ABC-0001\n"
        "r-3,ABC-0001,2026-01-05T10:00,odd,1,\n"
    )
    first, second, third = found(judge_rows(spark, registry.load_subject(SENSORS), text))
    assert (first["verdict"], first["reading_id"], dict(first["extras"])) == (
        "accepted",
        "r-1",
        {"colour": "red, dark"},
    )
    assert (second["verdict"], second["reasons"]) == ("dead_letter", [("column_count", None)])
    assert (third["reading_id"], third["reasons"]) == ("r-3", [("not_allowed", "status")])
    assert found(judge_rows(spark, SENSORS, "")) == []


def test_a_version_is_told_from_the_fields_or_named(spark: SparkSession) -> None:
    rows = [OLD, OLD | {"schema_version": "1"}, OLD | {"schema_version": "9"}]
    assert [row["schema_version"] for row in found(judge_rows(spark, SENSORS, rows))] == [1, 1, None]
    named = found(judge_rows(spark, SENSORS, rows, version=2))
    assert [row["schema_version"] for row in named] == [2, 1, None]
    assert named[0]["reasons"] == [("missing", "sensor_id"), ("missing", "place")]
    text = ",".join(OLD) + "\n" + ",".join(OLD.values()) + "\n"
    assert [row["schema_version"] for row in found(judge_rows(spark, SENSORS, text, version=2))] == [2]
    with pytest.raises(ContractError, match="has no v3, only v1 to v2"):
        judge_rows(spark, SENSORS, rows, version=3)


def test_what_lies_in_the_future_is_told_from_the_time_of_reading(spark: SparkSession) -> None:
    rows = [OLD | {"measured_at": f"2026-01-05T12:0{minute}:00Z"} for minute in (5, 6)]
    of_noon = found(judge_rows(spark, SENSORS, rows, ingested_at=NOON))
    assert [row["reasons"] for row in of_noon] == [[], [("future", "measured_at")]]
    strict = found(judge_rows(spark, SENSORS, rows, ingested_at=NOON, clock_skew=timedelta(0)))
    assert [row["verdict"] for row in strict] == ["dead_letter", "dead_letter"]
    assert [row["verdict"] for row in found(judge_rows(spark, SENSORS, rows))] == ["accepted", "accepted"]


def test_a_partial_update_says_what_it_names(spark: SparkSession) -> None:
    change = {"change_id": "x", "op": "u", "event_ts": "2026-01-05T11:00:00Z", "seq": "7", "order_id": "1"}
    [row] = found(judge_rows(spark, registry.CONTRACTS / "orders", [change | {"status": "shipped"}]))
    assert (row["verdict"], row["given"], row["customer_id"]) == ("accepted", ["order_id", "status"], None)


def test_what_is_no_text_is_refused_with_its_place(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match=r"row 2, field 'value': must be text as received, or None, got 1\.5"):
        judge_rows(spark, SENSORS, [OLD, OLD | {"value": 1.5}])  # type: ignore[dict-item]


def test_a_column_that_the_result_adds_cannot_be_told_from_it(spark: SparkSession, tmp_path: Path) -> None:
    fields = {name: {"type": kind, "required": True} for name, kind in (("id", "string"), ("at", "timestamp"))}
    contract = {"subject": "checks", "version": 1, "kind": "events", "key": ["id"], "event_time": "at"}
    (tmp_path / "checks").mkdir()
    text = yaml.safe_dump({**contract, "fields": {**fields, "verdict": {"type": "string"}}})
    (tmp_path / "checks" / "v1.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="checks has a column 'verdict', which judge_rows adds"):
        judge_rows(spark, tmp_path / "checks", [])
