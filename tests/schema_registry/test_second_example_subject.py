"""A subject that no code knows: dropping its folder in is all it took."""

from __future__ import annotations

from pathlib import Path

from schema_registry.registry import load

SUBJECT = load(Path(__file__).parent / "contracts").subject("sensor_readings")


def test_it_has_two_frozen_versions() -> None:
    assert SUBJECT.frozen == (1, 2)
    assert (SUBJECT.latest.key, SUBJECT.latest.event_time) == (("reading_id",), "measured_at")


def test_it_uses_every_type() -> None:
    types = {field.type.name for field in SUBJECT.latest.fields}
    assert types == {"string", "bigint", "decimal", "boolean", "date", "timestamp"}
    assert SUBJECT.contracts[0].field("uptime_seconds").type.sql == "int"


def test_its_second_version_renames_widens_and_adds() -> None:
    (step,) = SUBJECT.steps
    assert step.expressions["sensor_id"] == "device"
    assert step.expressions["uptime_seconds"] == "`uptime_seconds`"
    assert step.expressions["place"] == "'unknown'"
    assert step.expressions["set_point"] is None
    assert SUBJECT.introduced_in["sensor_id"] == 2
