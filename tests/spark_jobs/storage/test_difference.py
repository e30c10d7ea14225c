"""What changed between two versions of a table, told from the files that differ."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables_with_a_key import SCHEMA, counted, put, rows, small_limits, table_with_a_key

from spark_jobs.storage import difference as difference_module
from spark_jobs.storage.append import append_once
from spark_jobs.storage.checkpoint import write_checkpoint
from spark_jobs.storage.delta_log import read_log
from spark_jobs.storage.difference import Difference, TableVersion, changed_rows, table_version
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

COLUMNS = ["id", "name", "price", "at"]


DAYS = pa.schema([("id", pa.int64()), ("day", pa.date32()), ("subject", pa.string())])


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """Thirty rows in one file, at version 1; from three rows on a file gets vectors."""
    small_limits(monkeypatch)
    made = table_with_a_key(tmp_path)
    put(made, 0, dict.fromkeys(range(30), "a"))
    return made


def told(found: Difference | None) -> tuple[dict[int, str], dict[int, str]]:
    """Keys and names of the rows of both sides, once it is sure that they are whole and there once."""
    assert found is not None
    sides = []
    for side in (found.before, found.after):
        names = {row["id"]: row["name"] for row in side.to_pylist()}
        assert len(names) == side.num_rows
        expected = {row["id"]: row for row in rows(names).select(side.column_names).to_pylist()}
        assert {row["id"]: row for row in side.to_pylist()} == expected
        sides.append(names)
    return sides[0], sides[1]


def version(table: Table) -> int:
    stands = table_version(table)
    assert stands is not None
    return stands.version


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of which rows are read from now on."""
    names: list[str] = []
    for reader in ("read_live", "read_rows"):
        whole = getattr(difference_module, reader)

        def noted(file: Any, *rest: Any, whole: Any = whole) -> Any:
            names.append(file.path)
            return whole(file, *rest)

        monkeypatch.setattr(difference_module, reader, noted)
    return names


def test_inserted_updated_and_deleted_rows_are_told_apart(table: Table) -> None:
    put(table, 1, {3: "b", 100: "new"}, gone=[4])
    assert told(changed_rows(table, 1, 2, COLUMNS)) == ({3: "a", 4: "a"}, {3: "b", 100: "new"})
    assert told(changed_rows(table, 2, 1, COLUMNS)) == ({3: "b", 100: "new"}, {3: "a", 4: "a"})


def test_several_commits_are_told_as_one(table: Table) -> None:
    put(table, 1, {3: "b", 100: "new"})
    put(table, 2, {3: "c"}, gone=[100])
    put(table, 3, {200: "x"}, gone=[5])
    assert told(changed_rows(table, 1, version(table), COLUMNS)) == ({3: "a", 5: "a"}, {3: "c", 200: "x"})


def test_rows_that_differ_only_in_columns_not_asked_for_have_not_changed(table: Table) -> None:
    put(table, 1, {3: "b"})
    found = changed_rows(table, 1, 2, ["id", "price", "at"])
    assert found is not None
    assert (found.before.num_rows, found.after.num_rows) == (0, 0)


def test_a_table_merged_back_to_what_it_was_has_not_changed(table: Table) -> None:
    put(table, 1, {3: "b", 100: "new"}, gone=[4])
    put(table, 2, {3: "a", 4: "a"}, gone=[100])
    assert told(changed_rows(table, 1, 3, COLUMNS)) == ({}, {})


def test_rows_that_were_merely_written_again_cancel_out(table: Table) -> None:
    put(table, 1, {}, gone=range(12))
    adds = read_log(table.path).files  # type: ignore[union-attr]
    assert all("deletionVector" not in each for each in adds.values()), "worn, so written again"
    assert told(changed_rows(table, 1, 2, COLUMNS)) == (dict.fromkeys(range(12), "a"), {})


def test_many_small_files_made_one_are_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    for number in range(3):
        put(table, number, {number: "a"})
    assert len(read_log(table.path).files) == 3  # type: ignore[union-attr]
    put(table, 3, {3: "a"})
    assert len(read_log(table.path).files) == 2  # type: ignore[union-attr]
    assert told(changed_rows(table, 3, 4, COLUMNS)) == ({}, {3: "a"})


def test_of_a_file_with_another_vector_only_the_rows_between_the_vectors_are_read(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(table, 1, {}, gone=[1])
    put(table, 2, {}, gone=[2, 20])
    asked: list[list[int]] = []

    def nothing(file: Any, schema: Any, wanted: Any) -> Iterator[Any]:
        asked.append(wanted.tolist())
        return iter(())

    monkeypatch.setattr(difference_module, "read_rows", nothing)
    changed_rows(table, 2, 3, COLUMNS)
    assert asked == [[2, 20]]
    monkeypatch.undo()
    assert told(changed_rows(table, 1, 3, COLUMNS, most=3)) == (dict.fromkeys([1, 2, 20], "a"), {})
    assert told(changed_rows(table, 3, 2, COLUMNS)) == ({}, {2: "a", 20: "a"})


def test_files_that_both_versions_have_are_not_opened(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(iter(read_log(table.path).files))  # type: ignore[union-attr]
    put(table, 1, {100: "new"})
    put(table, 2, {200: "newer"})
    (Path(table.path) / first).unlink()
    names = opened(monkeypatch)
    assert told(changed_rows(table, 1, 3, COLUMNS)) == ({}, {100: "new", 200: "newer"})
    assert len(names) == 2
    assert first not in names


def test_the_same_version_has_no_changes_and_nothing_is_read(table: Table) -> None:
    shutil.rmtree(table.path)
    found = changed_rows(table, 7, 7, COLUMNS)
    assert told(found) == ({}, {})
    assert found is not None
    assert found.before.schema == pa.schema([SCHEMA.field(name) for name in COLUMNS])


def test_a_file_that_was_vacuumed_away_cannot_be_told_from_its_rows(table: Table) -> None:
    first = next(iter(read_log(table.path).files))  # type: ignore[union-attr]
    put(table, 1, {}, gone=range(12))
    assert changed_rows(table, 1, 2, COLUMNS) is not None
    (Path(table.path) / first).unlink()
    assert changed_rows(table, 1, 2, COLUMNS) is None


def test_a_vector_that_was_vacuumed_away_makes_it_unknown(table: Table) -> None:
    put(table, 1, {}, gone=[1])
    put(table, 2, {}, gone=[2])
    vectors = sorted(Path(table.path).glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    vectors[0].unlink()
    assert changed_rows(table, 2, 3, COLUMNS) is None
    assert told(changed_rows(table, 1, 3, COLUMNS)) == ({1: "a", 2: "a"}, {})


def test_a_version_whose_entries_were_cleaned_is_unknown_and_one_after_a_checkpoint_is_known(table: Table) -> None:
    for number in range(1, 45):
        put(table, number, {number % 30: f"v{number}"})
    log = Path(table.path) / "_delta_log"
    assert len(list(log.glob("*.checkpoint.parquet"))) == 2
    for number in range(25):
        (log / f"{number:020}.json").unlink()
    for since in (0, 3, 19, 21, 24):
        assert read_log(table.path, upto=since) is None
        assert changed_rows(table, since, 45, COLUMNS) is None
    assert told(changed_rows(table, 44, 45, COLUMNS)) == ({14: "v14"}, {14: "v44"})
    assert told(changed_rows(table, 40, 41, COLUMNS)) == ({10: "v10"}, {10: "v40"}), "from the checkpoint itself"
    assert read_log(table.path, upto=20) is not None


def test_a_checkpoint_of_a_later_version_is_not_taken_for_an_earlier_one(table: Table) -> None:
    put(table, 1, {1: "b"})
    put(table, 2, {2: "c"})
    write_checkpoint(table.path, clean=False)
    assert told(changed_rows(table, 1, 2, COLUMNS)) == ({1: "a"}, {1: "b"})
    then = read_log(table.path, upto=2)
    assert then is not None
    assert (then.version, then.has("w", 1), then.has("w", 2)) == (2, True, False)


def test_a_version_that_is_not_there_yet_or_no_table_at_all_is_unknown(table: Table, tmp_path: Path) -> None:
    assert changed_rows(table, 1, 2, COLUMNS) is None
    assert changed_rows(table, -1, 1, COLUMNS) is None
    none = table_with_a_key(tmp_path / "nowhere")
    assert (table_version(none), changed_rows(none, 0, 1, COLUMNS)) == (None, None)


def test_another_table_in_the_place_of_the_one_that_was_read_is_noticed(table: Table) -> None:
    was = table_version(table)
    assert was is not None
    assert was.version == 1
    assert told(changed_rows(table, 1, 1, COLUMNS, identity=was.id)) == ({}, {})
    shutil.rmtree(table.path)
    put(table, 0, {1: "x"})
    put(table, 1, {2: "x"})
    for since in (1, 2):
        assert changed_rows(table, since, 2, COLUMNS, identity=was.id) is None
    now = table_version(table)
    assert now is not None
    assert now == TableVersion(now.id, 2)
    assert now.id != was.id
    assert told(changed_rows(table, 1, 2, COLUMNS, identity=now.id)) == ({}, {2: "x"})


def test_more_rows_than_may_be_read_are_not_read(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    put(table, 1, {}, gone=range(12))
    names = opened(monkeypatch)
    assert changed_rows(table, 1, 2, COLUMNS, most=47) is None
    assert not names
    assert changed_rows(table, 1, 2, COLUMNS, most=48) is not None


def test_rows_are_counted_by_the_footer_where_the_log_has_no_statistics(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path, key_columns=())
    for number in range(2):
        (part,) = write_parts(table, rows(dict.fromkeys(range(5), f"{number}")))
        append_once(table, [dataclasses.replace(part, stats="{}")], writer="w", version=number)
    assert changed_rows(table, 1, 2, COLUMNS, most=4) is None
    assert told(changed_rows(table, 1, 2, COLUMNS, most=5)) == ({}, dict.fromkeys(range(5), "1"))


def test_a_column_that_came_later_is_null_in_the_rows_from_before(tmp_path: Path) -> None:
    put(table_with_a_key(tmp_path), 0, {1: "a", 2: "b"})
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    parts, narrow = write_parts(wide, rows({1: "a"}, more=pa.array(["x"]))), version(wide)
    replace_once(wide, parts, writer="w", version=1)
    found = changed_rows(wide, narrow, version(wide), ["id", "more"])
    assert found is not None
    assert (found.before.to_pylist(), found.after.to_pylist()) == ([{"id": 1, "more": None}], [{"id": 1, "more": "x"}])


def test_partitions_written_by_delta_rs_are_told_with_their_values_also_across_a_checkpoint(tmp_path: Path) -> None:
    table = Table("silver/p", str(tmp_path / "p"), DAYS, ("subject", "day"), ("id",), ())
    for number, day in enumerate([date(2026, 1, 1), None, date(2026, 1, 3)]):
        data = pa.table([[number], pa.array([day], pa.date32()), ["ä b/%"]], schema=DAYS)
        append_once(table, write_parts(table, data, subject="ä b/%"), writer="w", version=number)
    names = list(DAYS.names)
    first = changed_rows(table, 0, 3, names)
    assert first is not None
    DeltaTable(table.path).create_checkpoint()
    append_once(
        table,
        write_parts(table, pa.table([[3], [date(2026, 1, 1)], ["x"]], schema=DAYS), subject="x"),
        writer="w",
        version=3,
    )
    later = changed_rows(table, 2, 4, names, most=2)
    assert later is not None
    expected = [(0, date(2026, 1, 1)), (1, None), (2, date(2026, 1, 3))]
    assert sorted(counted(first.after)) == [(n, day, "ä b/%") for n, day in expected]
    assert sorted(counted(later.after)) == [(2, date(2026, 1, 3), "ä b/%"), (3, date(2026, 1, 1), "x")]
    assert later.before.num_rows == first.before.num_rows == 0


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 40), st.sampled_from(["a", "b", "c"]), max_size=8),
            st.sets(st.integers(0, 40), max_size=8),
        ),
        min_size=1,
        max_size=8,
    ),
    data=st.data(),
)
def test_changes_are_those_that_full_reads_of_both_versions_show(
    steps: list[tuple[dict[int, str], set[int]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        small_limits(patch)
        table = table_with_a_key(Path(folder))
        seen = {}
        put(table, 0, dict.fromkeys(range(20), "a"))
        for number, (there, gone) in enumerate(steps, 1):
            seen[version(table)] = all_rows(table, COLUMNS)
            put(table, number, there, gone=gone - set(there))
        seen[version(table)] = all_rows(table, COLUMNS)
        since, upto = data.draw(st.sampled_from(sorted(seen))), data.draw(st.sampled_from(sorted(seen)))
        found = changed_rows(table, since, upto, COLUMNS)
        assert found is not None
        assert counted(found.before) == counted(seen[since]) - counted(seen[upto])
        assert counted(found.after) == counted(seen[upto]) - counted(seen[since])


def test_what_spark_deletes_rewrites_and_restores_is_told_like_our_own(spark: SparkSession, table: Table) -> None:
    log, name = table_with_a_key(Path(table.path).parent / "log", key_columns=()), f"delta.`{table.path}`"
    put(table, 1, {40: "b"}, gone=[1])
    since = version(table)
    spark.sql(f"DELETE FROM {name} WHERE id IN (2, 40)")
    deleted = version(table)
    assert told(changed_rows(table, since, deleted, COLUMNS)) == ({2: "a", 40: "b"}, {})
    put(table, 2, {3: "c"})
    merged = version(table)
    spark.sql(f"OPTIMIZE {name}")
    assert told(changed_rows(table, merged, version(table), COLUMNS)) == ({}, {})
    assert told(changed_rows(table, 1, version(table), COLUMNS)) == ({1: "a", 2: "a", 3: "a"}, {3: "c"})
    spark.sql(f"RESTORE TABLE {name} TO VERSION AS OF {since}")
    assert told(changed_rows(table, since, version(table), COLUMNS)) == ({}, {})
    assert told(changed_rows(table, merged, version(table), COLUMNS)) == ({3: "c"}, {2: "a", 3: "a", 40: "b"})
    assert_append_only_told(spark, log)


def assert_append_only_told(spark: SparkSession, log: Table) -> None:
    """An append-only table has no vectors: a DELETE writes its files again."""
    for number in range(3):
        named = dict.fromkeys(range(number * 4, number * 4 + 4), "a")
        append_once(log, write_parts(log, rows(named)), writer="w", version=number)
    since = version(log)
    spark.sql(f"DELETE FROM delta.`{log.path}` WHERE id = 5")
    assert told(changed_rows(log, since, version(log), COLUMNS)) == ({5: "a"}, {})
    spark.sql(f"OPTIMIZE delta.`{log.path}`")
    append_once(log, write_parts(log, rows({50: "z"})), writer="w", version=9)
    assert told(changed_rows(log, since, version(log), COLUMNS)) == ({5: "a"}, {50: "z"})
