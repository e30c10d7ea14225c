"""A row without a key or an event time is a dead letter whatever its version; only a truncate is a truncate.

tests/cases/keys holds the small inputs that once came out wrong: renamed keys and times of which old rows have none.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.duckdb_audit import discrepancies
from support.lakes import Workspace, new_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = Path(__file__).parents[1] / "cases" / "keys"
SUBJECTS = ("door_events", "lockers", "parcel_scans")
#: By file and row: the field that is said to be missing, or not to be read.
REFUSED = {
    "parcel_scans": {
        ("old_scanner.csv", 2): [("missing", "scan_ref")],
        ("old_scanner.csv", 3): [("missing", "scan_ref")],
        ("old_scanner.csv", 4): [("missing", "scanned_at")],
        ("new_scanner.csv", 2): [("missing", "scan_ref")],
    },
    "door_events": {
        ("a_old.csv", 3): [("bad_type", "event_ts")],
        ("a_old.csv", 4): [("missing", "event_ts")],
    },
    "lockers": {("1.csv", row): [("missing", "locker")] for row in (3, 4, 5)},
}


@pytest.fixture(scope="module")
def workspace(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All files of the cases streamed; the third of lockers, a late change, in a batch of its own."""
    made = new_workspace(tmp_path_factory.mktemp("keys"), CASES / "contracts")
    for name in SUBJECTS:
        shutil.copytree(CASES / "input" / name, made.landing / name, ignore=shutil.ignore_patterns("*.jsonl"))
    made.drain(spark, *SUBJECTS)
    made.drop("3.jsonl", (CASES / "input" / "lockers" / "3.jsonl").read_bytes(), "lockers")
    made.drain(spark, "lockers")
    return made


def rows(workspace: Workspace, subject: str) -> list[dict[str, Any]]:
    return workspace.rows(workspace.lake.silver(workspace.subject(subject)))


def test_every_row_without_one_is_a_dead_letter_that_names_the_field(workspace: Workspace) -> None:
    found: dict[str, dict[tuple[str, int], list[tuple[str, str]]]] = {name: {} for name in SUBJECTS}
    for letter in workspace.rows(workspace.lake.dead_letters):
        place = (letter["source"].rpartition("/")[2], letter["source_position"])
        found[letter["subject"]][place] = [(each["code"], each["field"]) for each in letter["reasons"]]
    assert found == REFUSED
    assert [each for name in SUBJECTS for each in discrepancies(workspace.lake.root, name)] == []


def test_events_of_both_versions_have_their_key_and_their_time(workspace: Workspace) -> None:
    def time(day: int, hour: int, minute: int) -> datetime:
        return datetime(2026, 3, day, hour, minute, tzinfo=UTC)

    doors = sorted((row["event_id"], row["event_ts"], row["schema_version"]) for row in rows(workspace, "door_events"))
    assert doors == [("d-1", time(2, 7, 0), 1), ("d-2", time(3, 4, 30), 1), ("d-5", time(2, 7, 5), 2)]
    assert all(row["event_date"] == row["event_ts"].date() for row in rows(workspace, "door_events"))
    assert sorted(row["scan_ref"] for row in rows(workspace, "parcel_scans")) == ["S-1", "S-5"]
    repeats = [row["key"] for row in workspace.rows(workspace.lake.duplicates)]
    assert sorted(repeats) == ["S-1", "d-1"]


def test_a_change_without_a_key_is_no_truncate_and_a_truncate_with_one_is_of_no_key(workspace: Workspace) -> None:
    lockers = {row["locker"]: (row["size"], row["note"], row["_change_id"]) for row in rows(workspace, "lockers")}
    assert lockers == {"7": ("middle", "dent", "moved-7"), "8": ("large", None, "made-8")}
    history = workspace.lake.history(workspace.subject("lockers"))
    assert history is not None
    assert sorted((row["locker"], row["size"]) for row in workspace.rows(history)) == [
        ("7", "middle"), ("7", "small"), ("8", "large"),
    ]  # fmt: skip
