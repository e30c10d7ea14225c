"""Rows of older versions are held to the latest: what a migration renames or fills is there, or the row is refused.

Covers conform and checks together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.bronze_rows import conformed, judged

from schema_registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject

TEXT, INT = {"type": "string"}, {"type": "int"}
NAMED = {"type": "string", "required": True, "non_blank": True}
TIME = {"type": "timestamp", "required": True}


def subject_of(root: Path, *versions: dict[str, Any]) -> Subject:
    """A subject of these versions, loaded from files like any other."""
    folder = root / "scans"
    folder.mkdir(parents=True)
    for number, version in enumerate(versions, 1):
        contract = {"subject": "scans", "version": number, "kind": "events"} | version
        (folder / f"v{number}.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    return registry.load(root).subject("scans")


def reasons(rows: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    return [row["_reasons"] for row in rows]


def test_what_a_migration_renames_or_fills_is_asked_for_and_what_it_says_is_null_is_not(
    spark: SparkSession, tmp_path: Path
) -> None:
    first = {"id": NAMED, "at": TIME, "place": TEXT, "depot": TEXT, "note": TEXT}
    second = {"ref": NAMED, "seen": TIME, "depot": NAMED, "depot_code": NAMED, "town": NAMED, "crew": NAMED}
    third = second | {"team": NAMED, "shift": {**NAMED, "required": False, "required_when": "depot = 'North'"}}
    migrate = {
        "ref": "id", "seen": "at", "depot": "depot", "depot_code": "trim(depot)",
        "town": "CASE WHEN place = 'x' THEN 'Port' END", "crew": "TRY_CAST(null AS string)",
    }  # fmt: skip
    subject = subject_of(
        tmp_path,
        {"key": ["id"], "event_time": "at", "fields": first},
        {"key": ["ref"], "event_time": "seen", "fields": second, "migrate": migrate},
        {"key": ["ref"], "event_time": "seen", "fields": third, "migrate": {"team": "crew"}},
    )
    row = {"id": "S-1", "at": "2026-01-05T10:00", "place": "x", "depot": "North", "note": ""}
    table = [
        (row, []),
        (row | {"id": ""}, [("missing", "ref")]),
        (row | {"id": "   "}, [("missing", "ref")]),
        (row | {"at": ""}, [("missing", "seen")]),
        (row | {"at": "soon"}, [("bad_type", "seen")]),
        (row | {"place": "y"}, [("missing", "town")]),
        (row | {"depot": ""}, [("missing", "depot"), ("missing", "depot_code")]),
        (row | {"depot": "  "}, [("missing", "depot"), ("missing", "depot_code")]),
        # what a newer version names is nothing to a row that says it is older
        (
            {"ref": "S-2", "seen": "2026-01-05T10:00", "place": "x", "depot": "North", "schema_version": "1"},
            [("missing", "ref"), ("missing", "seen")],
        ),
        # neither the crew, nor the team that is made of it, nor the shift, of which nothing is said
        (
            {"ref": "S-2", "seen": "2026-01-05T10:00", "depot": "North", "depot_code": "N", "town": "T", "crew": ""},
            [("missing", "crew"), ("missing", "team")],
        ),
    ]
    found = judged(spark, subject, [each for each, _ in table])
    assert [(each, said) for (each, _), said in zip(table, reasons(found), strict=True)] == table
    assert [each["schema_version"] for each in found] == [1] * 9 + [2]
    assert subject.exempt_versions["shift"] == {1, 2}
    assert (subject.exempt_versions["crew"], subject.exempt_versions["team"], subject.exempt_versions["town"]) == (  # type: ignore[comparison-overlap]
        {1},
        {1},
        frozenset(),
    )


def test_a_key_or_time_that_the_contracts_make_of_nothing_is_missing_all_the_same(
    spark: SparkSession, tmp_path: Path
) -> None:
    subject = subject_of(
        tmp_path,
        {"key": ["id"], "event_time": "at", "fields": {"id": TEXT | {"required": True}, "at": TIME}},
        {
            "key": ["id", "part"], "event_time": "seen", "compatibility": "none",
            "fields": {"id": TEXT | {"required": True}, "part": INT | {"required": True}, "seen": TIME},
            "migrate": {"id": "trim(id)", "part": "null", "seen": "try_cast(null AS string)"},
        },
    )  # fmt: skip
    rows = [
        {"id": "a", "at": "2026-01-05T10:00"},
        {"id": " ", "at": "2026-01-05T10:00"},
        {"id": "a", "part": "1", "seen": "2026-01-05T10:00"},
    ]
    nothing = [("missing", "part"), ("missing", "seen")]
    assert reasons(judged(spark, subject, rows)) == [nothing, [("missing", "id"), *nothing], []]


def test_names_of_change_columns_are_fields_like_any_other_in_events(spark: SparkSession, tmp_path: Path) -> None:
    first = {"id": TEXT | {"required": True}, "ts": TIME, "what": TEXT, "number": INT}
    second = {
        "change_id": TEXT | {"required": True}, "event_ts": TIME, "op": TEXT | {"enum": ["in", "out"]}, "seq": INT,
        "kind": TEXT,
    }  # fmt: skip
    subject = subject_of(
        tmp_path,
        {"key": ["id"], "event_time": "ts", "fields": first},
        {
            "key": ["change_id"], "event_time": "event_ts", "fields": second,
            "migrate": {"change_id": "id", "event_ts": "ts", "op": "what", "seq": "number", "kind": "'door'"},
        },
    )  # fmt: skip
    row = {"id": "d-1", "ts": "2026-01-05T23:30:00-05:00", "what": "in", "number": "7"}
    found = judged(spark, subject, [row, row | {"ts": "yesterday"}, row | {"ts": ""}, row | {"what": "up", "id": ""}])
    assert [found[0][name] for name in ("change_id", "op", "seq", "kind")] == ["d-1", "in", 7, "door"]
    assert found[0]["event_ts"] == found[0]["_event_time"] == datetime(2026, 1, 6, 4, 30, tzinfo=UTC)
    assert found[0]["event_date"].isoformat() == "2026-01-06"
    assert reasons(found) == [
        [],
        [("bad_type", "event_ts")],
        [("missing", "event_ts")],
        [("missing", "change_id"), ("not_allowed", "op")],
    ]


VERSIONS = [
    ({}, 3, None, None),
    ({"phone": "1"}, 3, "1", None),
    ({"mobile": "1"}, 2, "1", None),
    ({"mobile": "", "fax": "3"}, 2, None, {"fax": "3"}),
    ({"telephone": "1"}, 1, "1", None),
    ({"telephone": "1", "fax": "3"}, 1, "1", {"fax": "3"}),
    ({"telephone": ""}, 1, None, None),
    ({"telephone": "1", "phone": "2"}, 3, "2", {"telephone": "1"}),  # of two versions at once
    ({"telephone": "1", "schema_version": "3"}, 3, None, {"telephone": "1"}),
    ({"telephone": "1", "colour": "red"}, 1, "1", {"colour": "red"}),
]


@pytest.mark.parametrize("kind", ["events", "changes"])
def test_a_row_that_names_what_only_an_older_version_has_is_of_that_one(
    spark: SparkSession, tmp_path: Path, kind: str
) -> None:
    key = {"id": TEXT | {"required": True}, "at": TIME}
    form = {"kind": kind, "key": ["id"], "event_time": "at"} | ({"sequence_by": "seq"} if kind == "changes" else {})
    subject = subject_of(
        tmp_path,
        form | {"fields": key | {"telephone": TEXT, "fax": TEXT}},
        form | {"fields": key | {"mobile": TEXT, "fax": TEXT}, "migrate": {"mobile": "telephone"}},
        form | {"fields": key | {"phone": TEXT}, "migrate": {"phone": "mobile"}},
    )
    row = {"id": "a", "at": "2026-01-05T10:00"} | (
        {"op": "c", "change_id": "1", "seq": "1"} if kind == "changes" else {}
    )
    found = conformed(spark, subject, [row | more for more, *_ in VERSIONS])
    said = [(each["_version"], each["phone"], each["_extras"]) for each in found]
    assert said == [tuple(expected) for _, *expected in VERSIONS]
