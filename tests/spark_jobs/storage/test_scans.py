"""Rows are read by partition and by the log's bounds: no file is opened that can hold none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.tables_by_day import FIRST, NOON, SECOND, rows, table_at

from spark_jobs.storage import scans
from spark_jobs.storage.append import append_once
from spark_jobs.storage.scans import latest_time, read_partition, read_parts, rows_where, rows_where_in
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from pathlib import Path

    from spark_jobs.storage.table import Table

FIRST_DAY, SECOND_DAY = {"day": str(FIRST)}, {"day": str(SECOND)}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Rows r0 and r1 of the first day, r2 of the second, which is a microsecond later."""
    made = table_at(tmp_path)
    append_once(made, write_parts(made, rows(FIRST, FIRST)), writer="w", version=0)
    later = rows(SECOND, SECOND, SECOND, at=NOON + timedelta(microseconds=1)).slice(2)
    append_once(made, write_parts(made, later), writer="w", version=1)
    return made


def test_rows_with_one_of_the_values_are_found_in_their_partition_only(table: Table) -> None:
    ids = pa.array(["r1", "r2", "r9"])
    found = {
        day["day"]: rows_where_in(table, "row_id", ids, ["row_id"], partition=day) for day in (FIRST_DAY, SECOND_DAY)
    }
    assert {day: each["row_id"].to_pylist() for day, each in found.items()} == {str(FIRST): ["r1"], str(SECOND): ["r2"]}
    narrowed = rows_where_in(table, "row_id", ids, ["n"], partition=FIRST_DAY, where=pc.field("n") > 1)
    assert (narrowed.num_rows, narrowed.column_names) == (0, ["n"])


def test_columns_that_a_table_is_not_partitioned_by_are_passed_over(table: Table) -> None:
    found = rows_where_in(table, "row_id", pa.array(["r0", "r2"]), ["row_id"], partition={"subject": "orders"})
    assert sorted(found["row_id"].to_pylist()) == ["r0", "r2"]


def test_files_whose_bounds_hold_none_of_the_values_are_not_opened(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    whole = scans.dataset

    def noted(table: Table, paths: list[str]) -> Any:
        opened.extend(paths)
        return whole(table, paths)

    monkeypatch.setattr(scans, "dataset", noted)
    assert rows_where_in(table, "row_id", pa.array(["r2"]), ["n"], partition={})["n"].to_pylist() == [2]
    assert [str(SECOND) in path for path in opened] == [True]
    assert rows_where_in(table, "row_id", pa.array(["x"]), ["n"], partition={}).num_rows == 0
    assert len(opened) == 1


def test_the_latest_time_is_exact_though_bounds_have_milliseconds(table: Table, tmp_path: Path) -> None:
    assert latest_time(table, "at", FIRST_DAY) == NOON
    assert latest_time(table, "at", {}) == NOON + timedelta(microseconds=1)
    assert latest_time(table_at(tmp_path / "nowhere"), "at", {}) is None


def test_a_partition_and_rows_of_one_value_are_read_whole(table: Table, tmp_path: Path) -> None:
    assert read_partition(table, SECOND_DAY).select(["row_id", "day"]).to_pylist() == [{"row_id": "r2", "day": SECOND}]
    assert rows_where(table, "row_id", "r1")["n"].to_pylist() == [1]
    nowhere = table_at(tmp_path / "nowhere")
    assert read_partition(nowhere, FIRST_DAY).num_rows == rows_where(nowhere, "row_id", "r1").num_rows == 0


def test_parts_are_read_before_they_are_committed(table: Table) -> None:
    parts = write_parts(table, rows(FIRST, SECOND))
    assert sorted(read_parts(table, parts, ["row_id"])["row_id"].to_pylist()) == ["r0", "r1"]
    assert read_parts(table, [], ["row_id"]).num_rows == 0
