"""Parts say what they hold; a full one is followed by another, and no row is lost.

Covers: spark_jobs.storage.part_writer, spark_jobs.storage.parts, spark_jobs.storage.table.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from support.tables_by_day import FIRST, SECOND, footer, rows, seen, table_at

from spark_jobs.storage import table_writer
from spark_jobs.storage.append import append_once
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table_writer import TableWriter, write_parts


def test_each_partition_value_gets_a_part_whose_counts_are_its_footers(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    written = write_parts(table, rows(FIRST, SECOND, FIRST))
    assert [(part.partition, part.rows) for part in written] == [({"day": "2026-01-29"}, 2), ({"day": "2026-01-30"}, 1)]
    for part in written:
        assert part.path.startswith(f"day={part.partition['day']}/")
        assert footer(table, part).num_rows == part.rows
        assert (Path(table.path) / part.path).stat().st_size == part.size
        assert Part.from_json(json.loads(json.dumps(part.to_json()))) == part


def test_no_row_makes_no_part_and_no_file(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert write_parts(table, rows()) == []
    assert not Path(table.path).exists()


def test_a_full_part_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writer, "PART_ROWS", 4)
    table = table_at(tmp_path)
    writer = TableWriter(table)
    for _ in range(3):
        writer.write(rows(FIRST, FIRST, SECOND, FIRST))
    written = writer.close()
    assert sorted((part.partition["day"], part.rows) for part in written) == [
        ("2026-01-29", 3),
        ("2026-01-29", 6),
        ("2026-01-30", 3),
    ]
    append_once(table, written, writer="w", version=0)
    assert len(seen(table.path)) == 12


def test_a_thousand_days_in_one_write_need_no_thousand_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_writer, "OPEN_BYTES", 2_000_000)
    table = table_at(tmp_path)
    writer = TableWriter(table)
    days = [FIRST + timedelta(days=n) for n in range(400)]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        writer.write(rows(*days))
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
    written = writer.close()
    assert sum(footer(table, part).num_rows for part in written) == sum(part.rows for part in written) == 1200
    assert {part.partition["day"] for part in written} == {day.isoformat() for day in days}


def test_a_row_without_a_partition_value_is_not_lost(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    written = write_parts(table, rows(FIRST, None))
    append_once(table, written, writer="w", version=0)
    assert DeltaTable(table.path).to_pyarrow_table().num_rows == 2
    assert sorted(part.partition["day"] or "" for part in written) == ["", "2026-01-29"]


def test_at_most_one_partition_column_varies(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ops/x: at most one partition column .* \['n', 'day'\]"):
        TableWriter(table_at(tmp_path, partition_by=("n", "day")))
