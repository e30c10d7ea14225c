"""Rows of these keys become these rows: once, in one commit, whatever happens meanwhile. Read by delta-rs; see also
test_replace_with_spark.

Covers: spark_jobs.storage.replace_change.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables_with_a_key import (
    SCHEMA,
    Rows,
    entry,
    log_of,
    named,
    put,
    rows,
    scanned,
    slipped_in,
    small_limits,
    table_with_a_key,
)

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage import replace as replace_module
from spark_jobs.storage import replace_plan
from spark_jobs.storage.append import is_committed
from spark_jobs.storage.create import SchemaConflictError, ensure_table
from spark_jobs.storage.delta_log import read_log
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = st.one_of(st.none(), st.integers(0, 40))


STEPS = st.lists(
    st.tuples(st.dictionaries(KEYS, st.text("abc", max_size=3), max_size=12), st.sets(KEYS, max_size=8)), max_size=12
)


def applied(model: Rows, step: tuple[Rows, set[int | None]]) -> Rows:
    """What the table must hold after a step. A key that is gone and also there is there."""
    put_there, gone = step
    return {**{key: name for key, name in model.items() if key not in gone}, **put_there}


@pytest.mark.usefixtures("limits")
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, asked=st.sets(KEYS, max_size=10))
def test_any_sequence_of_replacements_leaves_what_a_dictionary_would(
    steps: list[tuple[Rows, set[int | None]]], asked: set[int | None]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = table_with_a_key(Path(folder))
        model: dict[Any, str] = {}
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
    slipped_in(monkeypatch, replace_module, lambda: replace_once(table, parts, **other))
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
