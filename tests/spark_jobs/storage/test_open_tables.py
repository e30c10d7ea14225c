"""A table that takes another's place is noticed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from support.tables_by_day import FIRST, SECOND, rows, seen, table_at

from spark_jobs.storage.append import append_once
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from pathlib import Path


def test_a_table_made_anew_at_the_same_place_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    for version in range(3):
        append_once(table, write_parts(table, rows(FIRST)), writer="w", version=version)
    shutil.rmtree(table.path)
    assert open_table(table.path) is None
    assert append_once(table, write_parts(table, rows(SECOND)), writer="w", version=0)
    assert seen(table.path) == [("r0", SECOND)]


def test_a_table_swapped_for_another_behind_our_back_is_noticed(tmp_path: Path) -> None:
    table, other = table_at(tmp_path), table_at(tmp_path / "beside")
    append_once(table, write_parts(table, rows(FIRST, FIRST)), writer="w", version=9)
    append_once(other, write_parts(other, rows(SECOND)), writer="w", version=0)
    shutil.rmtree(table.path)
    shutil.move(other.path, table.path)
    found = open_table(table.path)
    assert found is not None
    assert found.to_pyarrow_table()["day"].to_pylist() == [SECOND]
