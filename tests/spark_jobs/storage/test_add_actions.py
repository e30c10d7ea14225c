"""Rows are counted by the log, of all partitions or one."""

from __future__ import annotations

from pathlib import Path

from support.tables_by_day import FIRST, SECOND, rows, table_at
from support.tables_with_a_key import put, table_with_a_key

from spark_jobs.storage.add_actions import bound, count_rows, live_adds, live_paths
from spark_jobs.storage.append import append_once
from spark_jobs.storage.table_writer import write_parts


def test_live_files_are_named_and_counted_by_partition(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert (count_rows(table), live_paths(table), live_adds(table).num_rows) == (0, [], 0)
    append_once(table, write_parts(table, rows(FIRST, FIRST, SECOND)), writer="w", version=0)
    assert [count_rows(table, partition) for partition in (None, {"day": str(FIRST)}, {"day": "2026-01-01"})] == [
        3,
        2,
        0,
    ]
    assert count_rows(table, {"subject": "not a partition column"}) == 3
    assert all(Path(path).exists() for path in live_paths(table))
    assert [f"day={SECOND}" in path for path in live_paths(table, {"day": str(SECOND)})] == [True]


def test_a_bound_that_the_log_lacks_is_null(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    append_once(table, write_parts(table, rows(FIRST, FIRST)), writer="w", version=0)
    adds = live_adds(table)
    assert (bound(adds, "max.n").to_pylist(), bound(adds, "max.nothing").to_pylist()) == ([1], [None])


def test_deleted_rows_are_not_counted(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a", 2: "b", 3: "c"})
    put(table, 1, {4: "d"}, gone=[1, 2])
    assert count_rows(table) == 2
