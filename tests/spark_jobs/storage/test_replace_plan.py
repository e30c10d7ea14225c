"""Which files get a vector, which are written again, and which just go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.tables_with_a_key import entry, log_of, named, put, scanned, small_limits, table_with_a_key

from spark_jobs.storage import replace_plan
from spark_jobs.storage.delta_log import put_if_absent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from spark_jobs.storage.snapshot import Action


def test_a_large_file_gets_a_vector_and_keeps_its_other_rows_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(20), "old"))
    put(table, 1, {3: "new"}, gone=[4])
    put(table, 2, {5: "newer"}, gone=[6, 99])
    first, again = (action["add"] for action in entry(table, 0 + 1) if "add" in action), entry(table, 3)
    (large,) = first
    (removed,) = [
        action["remove"] for action in again if "remove" in action and action["remove"]["path"] == large["path"]
    ]
    (added,) = [action["add"] for action in again if "add" in action and action["add"]["path"] == large["path"]]
    assert (removed["deletionVector"]["cardinality"], added["deletionVector"]["cardinality"]) == (2, 4)  # type: ignore[index]
    stats = json.loads(str(added["stats"]))
    bounds = {"minValues": {"id": 0}, "maxValues": {"id": 19}, "nullCount": {"id": 0}}
    assert stats == {"numRecords": 20, **bounds, "tightBounds": False}
    expected = {**{n: "old" for n in range(20) if n not in (4, 6)}, 3: "new", 5: "newer"}
    assert named(scanned(table.path)) == expected


def test_a_fragmented_file_is_written_again_and_an_empty_one_just_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(20), "a"))
    put(table, 1, {}, gone=range(8))
    (add,) = log_of(table).files.values()
    assert "deletionVector" not in add
    bounds = {"minValues": {"id": 8}, "maxValues": {"id": 19}, "nullCount": {"id": 0}}
    assert json.loads(add["stats"]) == {"numRecords": 12, **bounds}
    put(table, 2, {}, gone=range(20))
    assert log_of(table).files == {}
    assert scanned(table.path).num_rows == 0


def test_of_many_fragmented_files_a_commit_writes_only_so_many_rows_again_and_the_others_in_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    monkeypatch.setattr(replace_plan, "FRAGMENTED_ROWS", 12)
    table = table_with_a_key(tmp_path)
    for version in range(3):
        put(table, version, dict.fromkeys(range(version * 20, version * 20 + 20), "a"))
    for version, fragmented, least in ((3, 2, 10), (4, 1, 11), (5, 0, 12)):
        put(table, version, {}, gone=[key for key in range(60) if key % 20 < least])
        assert sum(map(_is_fragmented, log_of(table).files.values())) == fragmented
        assert named(scanned(table.path)) == dict.fromkeys([key for key in range(60) if key % 20 >= least], "a")


def _is_fragmented(add: Action) -> bool:
    dead = add.get("deletionVector", {"cardinality": 0})["cardinality"]
    return bool(dead * 3 > json.loads(add["stats"])["numRecords"])


def test_many_tiny_replacements_leave_few_files(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path, row_group_rows=16_384)
    most = 0
    for version in range(150):
        put(table, version, dict.fromkeys(range(version * 3, version * 3 + 3), "a"))
        most = max(most, len(log_of(table).files))
    assert most <= replace_plan.FILES_OF_A_SIZE + 1
    assert named(scanned(table.path)) == dict.fromkeys(range(450), "a")


def test_where_the_table_wants_no_vectors_files_are_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(20), "a"))
    put(table, 1, {1: "b"})
    now = log_of(table)
    configuration = {**now.configuration, "delta.enableDeletionVectors": "false"}
    put_if_absent(table.path, 3, [{"metaData": {**now.metadata, "configuration": configuration}}])
    put(table, 2, {2: "c"})
    assert not [add for add in log_of(table).files.values() if "deletionVector" in add]
    assert named(scanned(table.path)) == {**dict.fromkeys(range(20), "a"), 1: "b", 2: "c"}
