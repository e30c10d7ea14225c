"""Rules and patterns over rows: what a backslash means, what cannot be decided, what is too long to be tried.

Covers checks and null_on_error.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from support.bronze_rows import judged

from schema_registry import registry
from schema_registry.patterns import LONGEST_MATCHED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASE = Path(__file__).parents[2] / "cases" / "contracts" / "rule_with_backslash_d"


def test_a_backslash_in_a_rule_means_what_it_looks_like(spark: SparkSession) -> None:
    subject = registry.load(CASE / "contracts").subject("stock_moves")
    with (CASE / "input" / "1" / "stock_moves" / "1.csv").open(newline="", encoding="utf-8") as file:
        found = judged(spark, subject, list(csv.DictReader(file)))
    wrong = [("rule", "sku_has_five_digits")]
    assert [row["_reasons"] for row in found] == [[], [], wrong, wrong]


def test_what_a_rule_cannot_decide_and_what_is_too_long_for_a_pattern_are_reasons_of_the_row(
    spark: SparkSession, tmp_path: Path
) -> None:
    rules = [
        {"name": "wide_is_some", "check": "abs(wide) >= 0"},
        {"name": "why_is_plain", "check": "late OR why RLIKE '^[a-z ]*$'"},
    ]
    types = {"note": "string", "why": "string", "wide": "decimal(38,10)", "late": "boolean"}
    fields: dict[str, dict[str, Any]] = {name: {"type": type_} for name, type_ in types.items()}
    fields["thing_id"], fields["seen_at"] = ({"type": each, "required": True} for each in ("string", "timestamp"))
    fields["note"]["pattern"] = r"[^@\s]+@[^@\s]+\.[^@\s]+"
    content = {"subject": "things", "version": 1, "kind": "events", "key": ["thing_id"], "event_time": "seen_at"}
    derive = {"first": {"type": "string", "expr": "regexp_extract(why, '^[a-z]+', 0)"}}
    (tmp_path / "things").mkdir()
    text = yaml.safe_dump({**content, "fields": fields, "rules": rules, "derive": derive}, sort_keys=False)
    (tmp_path / "things" / "v1.yaml").write_text(text, encoding="utf-8")
    thing = {"thing_id": "t", "seen_at": "2026-01-05T10:00"}
    poison = "-" + "9" * 28 + "." + "9" * 10  # Spark's own abs() fails on it
    long = "a" * (LONGEST_MATCHED + 1)
    rows = [
        thing | {"wide": "1", "note": "a@b.c", "why": "some day"},
        thing | {"wide": poison},
        thing | {"why": long},
        thing | {"why": long, "late": "true"},
        thing | {"note": "a@" + "." * 80_000},
        thing | {"note": long[:LONGEST_MATCHED - 4] + "@b.c"},
    ]  # fmt: skip
    found = judged(spark, registry.load(tmp_path).subject("things"), rows)
    assert [row["_reasons"] for row in found] == [
        [], [("rule", "wide_is_some")], [("rule", "why_is_plain")], [], [("bad_pattern", "note")], [],
    ]  # fmt: skip
    assert found[1]["_details"] == ["cannot be decided for this row: abs(wide) >= 0"]
    assert found[4]["_details"] == ["80002 characters, a pattern is tried on at most 2000"]
    assert (found[0]["first"], found[3]["first"]) == ("some", None)


def test_a_migration_that_a_row_makes_fail_is_a_reason_of_the_row(spark: SparkSession, tmp_path: Path) -> None:
    fields = {"thing_id": {"type": "string", "required": True}, "seen_at": {"type": "timestamp", "required": True}}
    first = {"subject": "things", "version": 1, "kind": "events", "key": ["thing_id"], "event_time": "seen_at"}
    second = first | {"version": 2, "migrate": {"tag": "regexp_replace(note, '[ ]+', '-')", "kept": "'old'"}}
    (tmp_path / "things").mkdir()
    for told, more in ((first, ("note",)), (second, ("note", "tag", "kept"))):
        content = told | {"fields": fields | {name: {"type": "string"} for name in more}}
        text = yaml.safe_dump(content, sort_keys=False)
        (tmp_path / "things" / f"v{told['version']}.yaml").write_text(text, encoding="utf-8")
    thing = {"thing_id": "t", "seen_at": "2026-01-05T10:00", "schema_version": "1"}
    rows = [
        thing | {"note": "a b"},
        thing,
        thing | {"note": "a" * 2001},
        thing | {"note": "a" * 2001, "schema_version": "2"},
    ]
    found = judged(spark, registry.load(tmp_path).subject("things"), rows)
    assert [(row["_reasons"], row["tag"], row["kept"]) for row in found] == [
        ([], "a-b", "old"), ([], None, "old"), ([("rule", "tag")], None, "old"), ([], None, None),
    ]  # fmt: skip
