from __future__ import annotations

from typing import TYPE_CHECKING

from support.lakes import new_workspace

from schema_registry.registry import load
from spark_jobs.publish.checks import checks_of

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.subject import Subject

CONTRACT = """
subject: things
version: {version}
kind: events
key: [id]
event_time: at
compatibility: none
fields:
  id: {{type: string, required: true}}
  at: {{type: timestamp, required: true}}
  {fields}
"""


def subject(tmp_path: Path, *fields: str) -> Subject:
    """A subject whose versions have these fields besides the key and the time."""
    folder = tmp_path / "things"
    folder.mkdir()
    for version, text in enumerate(fields, 1):
        (folder / f"v{version}.yaml").write_text(CONTRACT.format(version=version, fields=text))
    return load(tmp_path).subject("things")


def conditions(subject: Subject) -> dict[str, str]:
    return {f"{check.column} {check.kind}": check.sql for check in checks_of(subject)}


def test_the_events_have_the_checks_of_their_contract(tmp_path: Path) -> None:
    checks = conditions(new_workspace(tmp_path).subject())
    assert checks["price min"] == '"price" >= 0'
    assert checks["quantity min"] == '"quantity" >= 0'
    kinds = "E'add_to_cart', E'purchase', E'remove_from_cart', E'search', E'view', E'wishlist'"
    assert checks["event_type known"] == f'"event_type" IN ({kinds})'


def test_a_bound_is_that_of_the_most_lenient_version(tmp_path: Path) -> None:
    checks = conditions(subject(tmp_path, "n: {type: int, min: 0, max: 9}", "n: {type: int, min: 2, max: 5}"))
    assert checks == {"n min": '"n" >= 0', "n max": '"n" <= 9'}


def test_a_field_that_a_version_left_free_is_left_free(tmp_path: Path) -> None:
    assert conditions(subject(tmp_path, "n: {type: int}", "n: {type: int, min: 2}")) == {}


def test_values_are_allowed_that_any_version_allowed_and_quotes_mean_themselves(tmp_path: Path) -> None:
    versions = ('k: {type: string, enum: ["it\'s", "a\\\\b"]}', "k: {type: string, enum: [new]}")
    assert conditions(subject(tmp_path, *versions)) == {"k known": "\"k\" IN (E'a\\\\b', E'it''s', E'new')"}
