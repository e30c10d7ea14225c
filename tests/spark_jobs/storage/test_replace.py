"""Rows of these keys become these rows: once, in one commit, whatever happens meanwhile. Read by delta-rs; see also
test_replace_with_spark."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables_with_a_key import SCHEMA, Rows, named, put, rows, scanned, small_limits, table_with_a_key

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage import checkpoint as checkpoint_module
from spark_jobs.storage import replace as replace_module
from spark_jobs.storage import replace_plan, retries
from spark_jobs.storage.actions import PROPERTIES
from spark_jobs.storage.append import is_committed
from spark_jobs.storage.create import SchemaConflictError, ensure_table
from spark_jobs.storage.delta_log import catch_up, put_if_absent, read_log
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.open_tables import open_snapshot
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.snapshot import Action, DeltaLogError, Snapshot
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = st.one_of(st.none(), st.integers(0, 40))
STEPS = st.lists(
    st.tuples(st.dictionaries(KEYS, st.text("abc", max_size=3), max_size=12), st.sets(KEYS, max_size=8)), max_size=12
)


def log_of(table: Table) -> Snapshot:
    found = read_log(table.path)
    assert found is not None
    return found


def entry(table: Table, version: int) -> list[dict[str, dict[str, object]]]:
    text = (Path(table.path) / "_delta_log" / f"{version:020}.json").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def applied(model: Rows, step: tuple[Rows, set[int | None]]) -> Rows:
    """What the table must hold after a step. A key that is gone and also there is there."""
    put_there, gone = step
    return {**{key: name for key, name in model.items() if key not in gone}, **put_there}


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)


@pytest.mark.usefixtures("limits")
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, asked=st.sets(KEYS, max_size=10))
def test_any_sequence_of_replacements_leaves_what_a_dictionary_would(
    steps: list[tuple[Rows, set[int | None]]], asked: set[int | None]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table, model = table_with_a_key(Path(folder)), {}
        for version, step in enumerate(steps):
            model = applied(model, step)
            assert put(table, version, *step) == bool(step[0] or step[1])
            if read_log(table.path) is not None:
                assert named(scanned(table.path)) == model
        assert named(all_rows(table, SCHEMA.names)) == model
        found = rows_with_keys(table, pa.array(list(asked), pa.int64()), SCHEMA.names)
        assert named(found) == {key: name for key, name in model.items() if key in asked}


def test_the_same_version_lands_once(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    assert put(table, 0, {1: "a", 2: "b"})
    assert put(table, 1, {1: "c"})
    assert not put(table, 1, {2: "never"})
    assert not put(table, 0, {1: "never"})
    assert named(scanned(table.path)) == {1: "c", 2: "b"}
    assert is_committed(table, writer="w", version=1)
    assert not is_committed(table, writer="w", version=2)


def test_nothing_to_do_is_no_commit_and_no_table(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    assert not replace_once(table, [], writer="w", version=0)
    assert not replace_once(table, [], deleted_keys=pa.array([], pa.int64()), writer="w", version=0)
    assert not Path(table.path).exists()


def test_a_key_that_is_gone_and_was_never_there_is_written_down_as_done(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    assert put(table, 0, {}, gone=[7])
    assert is_committed(table, writer="w", version=0)
    assert scanned(table.path).num_rows == 0


def test_a_keyed_table_has_deletion_vectors_and_no_other_feature(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    made = ensure_table(table)
    protocol = made.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (3, 7)
    assert protocol.reader_features == ["deletionVectors"]
    assert set(protocol.writer_features or ()) == {"deletionVectors", "invariants", "appendOnly"}
    assert made.metadata().configuration == {**PROPERTIES, "delta.enableDeletionVectors": "true"}
    assert pa.schema(made.schema()) == SCHEMA
    ensure_table(table)
    assert log_of(table).version == 0


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


def test_the_history_names_the_operation_and_counts_what_it_did(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a", 2: "b", 3: "c"})
    put(table, 1, {1: "d", 4: "e"}, gone=[2])
    last = DeltaTable(table.path).history(1)[0]
    assert (last["operation"], last["readVersion"]) == ("MERGE", 1)
    counted = {name[len("numTarget") :]: int(count) for name, count in last["operationMetrics"].items()}
    assert counted == {
        "RowsInserted": 2,
        "RowsDeleted": 2,
        "RowsCopied": 1,
        "FilesAdded": 2,
        "FilesRemoved": 1,
        "DeletionVectorsAdded": 0,
    }


def test_many_tiny_replacements_leave_few_files(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path, row_group_rows=16_384)
    most = 0
    for version in range(150):
        put(table, version, dict.fromkeys(range(version * 3, version * 3 + 3), "a"))
        most = max(most, len(log_of(table).files))
    assert most <= replace_plan.FILES_OF_A_SIZE + 1
    assert named(scanned(table.path)) == dict.fromkeys(range(450), "a")


def test_a_rewritten_file_keeps_a_column_that_the_contract_no_longer_has(tmp_path: Path) -> None:
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    first = rows({1: "a", 2: "b"}, more=pa.array(["x", "y"]))
    replace_once(wide, write_parts(wide, first), writer="w", version=0)
    narrow = table_with_a_key(tmp_path)
    put(narrow, 1, {1: "c"})
    found = {row["id"]: row["more"] for row in scanned(wide.path).to_pylist()}
    assert found == {1: None, 2: "y"}


def test_a_column_that_came_later_is_null_in_rows_from_before(tmp_path: Path) -> None:
    put(table_with_a_key(tmp_path), 0, {1: "a", 2: "b", 3: "c"})
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    later = rows({1: "d"}, more=pa.array(["x"]))
    replace_once(wide, write_parts(wide, later), writer="w", version=1)
    assert {row["id"]: row["more"] for row in scanned(wide.path).to_pylist()} == {1: "x", 2: None, 3: None}
    assert all_rows(wide, ["more"])["more"].to_pylist().count(None) == 2
    protocol = DeltaTable(wide.path).protocol()
    assert "variantType" not in (protocol.writer_features or ())
    other = table_with_a_key(tmp_path, schema=SCHEMA.set(1, pa.field("name", pa.int64())))
    with pytest.raises(SchemaConflictError, match="column 'name'"):
        ensure_table(other)


def test_columns_added_while_another_writer_commits_are_added_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    from spark_jobs.storage import create

    slipped_in(monkeypatch, create, lambda: put(table, 1, {2: "b"}))
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    assert [field.name for field in ensure_table(wide).schema().fields][-1] == "more"
    assert named(scanned(table.path)) == {1: "a", 2: "b"}


def slipped_in(monkeypatch: pytest.MonkeyPatch, module: object, act: object) -> None:
    """Let someone act between a writer's snapshot and its log entry, once."""

    def late(path: str, version: int, actions: object) -> bool:
        monkeypatch.setattr(module, "put_if_absent", put_if_absent)
        act()  # type: ignore[operator]
        return put_if_absent(path, version, actions)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "put_if_absent", late)


@pytest.mark.parametrize("small", [True, False])
def test_another_commit_between_snapshot_and_entry_is_planned_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(20), "a"))
    other = {"deleted_keys": pa.array([2], pa.int64()), "writer": "other", "version": 0}
    parts = write_parts(table, rows({1: "theirs", 30: "theirs"}))
    slipped_in(monkeypatch, replace_module, lambda: replace_once(table, parts, **other))  # type: ignore[arg-type]
    assert put(table, 1, {1: "ours", 3: "ours"}, gone=[4])
    expected = {**{n: "a" for n in range(20) if n not in (2, 4)}, 1: "ours", 3: "ours", 30: "theirs"}
    assert named(scanned(table.path)) == expected
    here = {path.name for path in Path(table.path).iterdir() if path.is_file()}
    committed = {name for version in range(1, 4) for name in files_named(table, version)}
    assert here == committed, "what the lost attempt wrote is gone"


def files_named(table: Table, version: int) -> Iterator[str]:
    from spark_jobs.storage.deletion_vectors import vector_file

    for action in entry(table, version):
        if "add" in action:
            yield str(action["add"]["path"])
            if "deletionVector" in action["add"]:
                yield vector_file(Path(table.path), action["add"]["deletionVector"]).name  # type: ignore[arg-type]


@pytest.mark.usefixtures("limits")
def test_writers_at_the_same_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(40), "old"))

    def write(name: str, start: int) -> None:
        for version in range(12):
            parts = write_parts(table, rows({start + version: name, 40 + start + version: name}))
            replace_once(table, parts, writer=name, version=version)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(write, name, start) for name, start in (("a", 0), ("b", 12), ("c", 24))]:
            done.result()
    names = {key: "abc"[key % 40 // 12] if key % 40 < 36 else "old" for key in range(80)}
    assert named(scanned(table.path)) == {key: name for key, name in names.items() if key < 40 or name != "old"}
    assert log_of(table).version == 1 + 3 * 12


def test_the_same_writer_elsewhere_between_snapshot_and_entry_makes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    slipped_in(monkeypatch, replace_module, lambda: put(table, 1, {1: "first"}))
    assert not put(table, 1, {1: "second"})
    assert named(scanned(table.path)) == {1: "first"}


def test_a_writer_that_is_never_first_gives_up_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace_module, "put_if_absent", lambda *_: False)
    monkeypatch.setattr(retries, "ATTEMPTS", 3)
    with pytest.raises(DeltaLogError, match="first 3 times"):
        put(table_with_a_key(tmp_path), 0, {1: "a"})


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.tables_with_a_key import table_with_a_key, put
from spark_jobs.storage import replace_change, replace_plan
replace_plan.SMALL_ROWS = 3
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "vector":
    replace_change.bitmap = die
elif sys.argv[2] == "link":
    os.link = die
else:
    os.unlink = Path.unlink = die
put(table_with_a_key(Path(sys.argv[1])), 1, {1: "new", 50: "new"}, gone=[2])
"""


@pytest.mark.parametrize("moment", ["vector", "link", "unlink"])
def test_killed_anywhere_all_of_it_is_there_or_nothing_and_doing_it_again_makes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(replace_plan, "SMALL_ROWS", 3)
    table, before = table_with_a_key(tmp_path), dict.fromkeys(range(20), "old")
    put(table, 0, before)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    after = {**before, 1: "new", 50: "new"}
    del after[2]
    assert named(scanned(table.path)) == (after if moment == "unlink" else before)
    assert put(table, 1, {1: "new", 50: "new"}, gone=[2]) == (moment != "unlink")
    assert named(scanned(table.path)) == after


@pytest.mark.usefixtures("limits")
def test_a_checkpoint_comes_every_twenty_versions_and_holds_the_table(tmp_path: Path) -> None:
    table, model = table_with_a_key(tmp_path), dict.fromkeys(range(30), "a")
    put(table, 0, model)
    for version in range(1, 45):
        model[version % 30] = f"v{version}"
        put(table, version, {version % 30: f"v{version}"})
    log = Path(table.path) / "_delta_log"
    assert sorted(path.name[18:20] for path in log.glob("*.checkpoint.parquet")) == ["20", "40"]
    by_entries = log_of(table)
    for version in range(41):
        (log / f"{version:020}.json").unlink()
    from_checkpoint = log_of(table)
    assert (from_checkpoint.version, dict(from_checkpoint.writers)) == (45, dict(by_entries.writers))
    assert {path: plain(add) for path, add in from_checkpoint.files.items()} == {
        path: plain(add) for path, add in by_entries.files.items()
    }
    assert from_checkpoint.configuration == by_entries.configuration
    assert named(scanned(table.path)) == model
    assert named(all_rows(table, SCHEMA.names)) == model
    assert put(table, 45, {0: "after"})
    assert not put(table, 44, {0: "never"})
    assert named(scanned(table.path)) == {**model, 0: "after"}


def plain(add: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in add.items() if value not in (None, {})}


def test_a_checkpoint_that_fails_does_not_undo_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = table_with_a_key(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    for version in range(19):
        put(table, version, {1: f"{version}"})
    monkeypatch.setattr(checkpoint_module, "write_checkpoint", full)
    with caplog.at_level("WARNING", logger="tallylake.commit"):
        assert put(table, 19, {1: "last"})
    assert named(scanned(table.path)) == {1: "last"}
    assert "no space left" in caplog.text


def test_entries_cleaned_away_behind_a_snapshot_are_read_from_the_checkpoint(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    for version in range(3):
        put(table, version, {1: f"{version}"})
    old = open_snapshot(table.path)
    assert old is not None
    for version in range(3, 21):
        put(table, version, {1: f"{version}"})
    for version in range(20):
        (Path(table.path) / "_delta_log" / f"{version:020}.json").unlink()
    assert (catch_up(old).version, named(all_rows(table, SCHEMA.names))) == (21, {1: "20"})


def test_a_log_of_which_the_beginning_is_lost_is_not_taken_for_none(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    (Path(table.path) / "_delta_log" / f"{0:020}.json").unlink()
    with pytest.raises(DeltaLogError, match="neither a first entry nor a checkpoint"):
        read_log(table.path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"protocol": {"writerFeatures": ["deletionVectors", "rowTracking"]}}, "rowTracking"),
        ({"metaData": {"configuration": {"delta.appendOnly": "true"}}}, "delta.appendOnly"),
        ({"protocol": {"minReaderVersion": 1, "minWriterVersion": 4, "writerFeatures": None}}, "writer version 4"),
    ],
)
def test_a_table_that_asks_for_more_than_is_done_here_is_refused(
    tmp_path: Path, changes: dict[str, dict[str, object]], says: str
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    now = log_of(table)
    as_now = {"protocol": now.protocol, "metaData": now.metadata}
    (kind,) = changes
    asked = {name: value for name, value in {**as_now[kind], **changes[kind]}.items() if value is not None}
    if "minReaderVersion" in changes[kind]:
        asked.pop("readerFeatures")
    put_if_absent(table.path, 2, [{kind: asked}])
    with pytest.raises(DeltaLogError, match=says):
        put(table, 1, {1: "b"})


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


COMPOSITE = pa.schema([("order", pa.string()), ("line", pa.int32()), ("n", pa.int64())])


def test_a_key_of_several_columns_is_the_text_of_all(tmp_path: Path) -> None:
    table = Table("silver/y", str(tmp_path / "y"), COMPOSITE, (), ("order",), (), ("order", "line"))
    first = pa.table([["a|b", "a", "a\\"], [1, 1, 2], [1, 2, 3]], schema=COMPOSITE)
    replace_once(table, write_parts(table, first), writer="w", version=0)
    second = pa.table([["a|b", "a"], [1, 2], [10, 20]], schema=COMPOSITE)
    gone = pa.array(["a\\\\|2"])
    replace_once(table, write_parts(table, second), deleted_keys=gone, writer="w", version=1)
    found = sorted(tuple(row.values()) for row in scanned(table.path).to_pylist())
    assert found == [("a", 1, 2), ("a", 2, 20), ("a|b", 1, 10)]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (pa.string(), ["ä", "", "\u2028", "zz"]),
        (TIMESTAMP, [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 999, 1500)]),
        (pa.date32(), [datetime(2026, 1, n, tzinfo=UTC).date() for n in range(1, 5)]),
        (pa.int32(), [-(2**31), -1, 0, 2**31 - 1]),
    ],
)
def test_keys_of_every_type_are_found_whatever_the_logs_bounds_say(
    tmp_path: Path, type_: pa.DataType, values: list[object]
) -> None:
    schema = pa.schema([("k", type_), ("n", pa.int64())])
    table = Table("silver/z", str(tmp_path / "z"), schema, (), ("k",), (), ("k",))
    for n, value in enumerate(values):
        replace_once(table, write_parts(table, pa.table([[value], [n]], schema=schema)), writer="w", version=n)
    for n, value in enumerate(values):
        found = rows_with_keys(table, pa.array([value], type_), ["n"])
        assert found["n"].to_pylist() == [n]
    replace_once(table, [], deleted_keys=pa.array(values[1:], type_), writer="w", version=9)
    assert all_rows(table, ["n"])["n"].to_pylist() == [0]


def test_a_partitioned_table_keeps_each_row_in_its_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    schema = pa.schema([("id", pa.int64()), ("n", pa.int64()), ("day", pa.date32())])
    table = Table("silver/p", str(tmp_path / "p"), schema, ("day",), ("id",), (), ("id",))
    days = [datetime(2026, 1, n, tzinfo=UTC).date() for n in (1, 2)]
    first = pa.table([range(10), range(10), [*days * 4, None, None]], schema=schema)
    replace_once(table, write_parts(table, first), writer="w", version=0)
    moved = pa.table([[0, 8], [100, 108], [days[1], days[0]]], schema=schema)
    replace_once(table, write_parts(table, moved), deleted_keys=pa.array([9, 1]), writer="w", version=1)
    expected = {2: (2, days[0]), 3: (3, days[1]), 0: (100, days[1]), 8: (108, days[0])}
    expected |= {n: (n, days[n % 2]) for n in range(4, 8)}
    for found in (scanned(table.path), all_rows(table, schema.names)):
        assert {row["id"]: (row["n"], row["day"]) for row in found.to_pylist()} == expected
    assert rows_with_keys(table, pa.array([8]), ["day"])["day"].to_pylist() == [days[0]]
