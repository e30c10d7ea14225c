"""The rows of some keys: all of them, only live ones, and no more is read than can hold them.

Covers: spark_jobs.storage.key_set, spark_jobs.storage.live_files, spark_jobs.storage.sorted_keys.
"""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables_with_a_key import NOON, SCHEMA, named, put, rows, small_limits, table_with_a_key

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage import live_files as files_module
from spark_jobs.storage.append import append_once
from spark_jobs.storage.cache import StorageCache, use_storage_cache
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable


def appended(root: Path, *batches: Iterable[int], **changes: Any) -> Table:
    """An append-only table with a file for each batch of keys."""
    table = table_with_a_key(root, key_columns=(), **changes)
    for version, keys in enumerate(batches):
        append_once(table, write_parts(table, rows(dict.fromkeys(keys, "a"))), writer="w", version=version)
    return table


def ids(table: Table, *keys: int | None, by: tuple[str, ...] = ("id",)) -> list[int | None]:
    return sorted(
        rows_with_keys(table, pa.array(keys, pa.int64()), ["id"], by)["id"].to_pylist(), key=lambda key: key or 0
    )


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on, with nothing kept of them from before."""
    names: list[str] = []

    class Noted(pq.ParquetFile):  # type: ignore[misc]
        def __init__(self, source: Path, **options: Any) -> None:
            names.append(source.name)
            super().__init__(source, **options)

        def read_row_groups(self, groups: list[int], columns: list[str]) -> pa.Table:
            names.append(f"groups {groups}")
            return super().read_row_groups(groups, columns=columns)

    monkeypatch.setattr(pq, "ParquetFile", Noted)
    use_storage_cache(StorageCache())
    return names


def test_no_table_no_rows(tmp_path: Path) -> None:
    for table in (table_with_a_key(tmp_path), appended(tmp_path)):
        assert rows_with_keys(table, pa.array([1]), ["name", "id"], ["id"]).schema.names == ["name", "id"]
        assert all_rows(table, SCHEMA.names) == SCHEMA.empty_table()


def test_an_append_only_table_gives_every_row_of_a_key(tmp_path: Path) -> None:
    table = appended(tmp_path, range(5), range(3, 8))
    assert ids(table, 4, 7, 99) == [4, 4, 7]
    assert all_rows(table, ["id"]).num_rows == 10
    assert ids(table) == []


def test_files_between_whose_bounds_no_key_lies_are_not_opened(tmp_path: Path, opened: list[str]) -> None:
    table = appended(tmp_path, [1, 9], [20, 29], [5, 25], [None, 3])  # type: ignore[list-item]
    assert ids(table, 10, 21) == []
    assert len(opened) == 2
    del opened[:]
    assert ids(table, 10, 21) == []
    assert opened == [], "key columns that were read once are kept"
    assert ids(table, None) == [None]


def test_only_row_groups_that_hold_a_key_are_read(tmp_path: Path, opened: list[str]) -> None:
    table = appended(tmp_path, range(40))
    found = rows_with_keys(table, pa.array([3, 17, 18, 39]), SCHEMA.names, ["id"])
    assert named(found) == dict.fromkeys([3, 17, 18, 39], "a")
    assert [name for name in opened if name.startswith("groups")] == ["groups [0, 4, 9]"]


def test_rows_are_the_same_when_they_are_read_in_many_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "CHUNK_ROWS", 8)
    table = appended(tmp_path, range(50))
    assert named(all_rows(table, SCHEMA.names)) == dict.fromkeys(range(50), "a")
    wanted = [0, 7, 8, 9, 31, 49]
    assert named(rows_with_keys(table, pa.array(wanted), SCHEMA.names, ["id"])) == dict.fromkeys(wanted, "a")


@settings(max_examples=40, deadline=None)
@given(
    groups=st.integers(1, 7),
    keys=st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=40),
    wanted=st.sets(st.one_of(st.none(), st.integers(0, 30)), max_size=10),
    piece=st.integers(1, 20),
)
def test_whatever_the_row_groups_the_rows_are_those_of_a_plain_filter(
    groups: int, keys: list[int | None], wanted: set[int | None], piece: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files_module, "CHUNK_ROWS", piece)
        table = table_with_a_key(Path(folder), key_columns=(), row_group_rows=groups)
        data = pa.table(
            [keys, [f"{n}" for n in range(len(keys))], *[pa.nulls(len(keys), f.type) for f in list(SCHEMA)[2:]]],
            schema=SCHEMA,
        )
        append_once(table, write_parts(table, data), writer="w", version=0)
        for _ in ("keys are gone through", "put in order", "looked up"):
            found = rows_with_keys(table, pa.array(list(wanted), pa.int64()), ["name"], ["id"])
            assert found["name"].to_pylist() == [f"{n}" for n, key in enumerate(keys) if key in wanted]


def test_deleted_rows_are_not_there_for_any_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(30), "a"))
    put(table, 1, {3: "b"}, gone=[0, 4, 29])
    assert ids(table, 0, 3, 4, 5, 29) == [3, 5]
    by_name = rows_with_keys(table, pa.array(["b"]), ["id"], by=["name"])
    assert by_name["id"].to_pylist() == [3]


def test_an_append_only_table_from_which_a_user_deleted_rows_by_vectors_is_read_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(30), "a"))
    put(table, 1, {}, gone=[4])
    log = dataclasses.replace(table, key_columns=())
    assert ids(log, 3, 4) == [3]
    assert all_rows(log, ["id"]).num_rows == 29


def test_keys_of_several_columns_are_looked_for_as_text(tmp_path: Path) -> None:
    table = appended(tmp_path, range(5))
    at = NOON + timedelta(microseconds=2)
    micros = int(at.timestamp()) * 1_000_000 + 2
    found = rows_with_keys(table, pa.array(["2|" + str(micros), "3|0"]), ["id", "at"], ["id", "at"])
    assert found.to_pylist() == [{"id": 2, "at": at}]


def test_partition_columns_come_from_the_log_and_are_pruned_like_others(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64()), ("day", pa.date32()), ("subject", pa.string())])
    table = Table("silver/p", str(tmp_path / "p"), schema, ("subject", "day"), ("id",), ())
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    data = pa.table([[1, 2], [day, None], ["ä b", "ä b"]], schema=schema)
    append_once(table, write_parts(table, data, subject="ä b"), writer="w", version=0)
    found = all_rows(table, ["day", "id", "subject"]).sort_by("id").to_pylist()
    assert found == [{"day": day, "id": 1, "subject": "ä b"}, {"day": None, "id": 2, "subject": "ä b"}]
    assert rows_with_keys(table, pa.array([2]), ["subject"], ["id"])["subject"].to_pylist() == ["ä b"]
    assert rows_with_keys(table, pa.array([day]), ["id"], ["day"])["id"].to_pylist() == [1]


def test_a_time_within_the_millisecond_to_which_a_bound_was_cut_is_found(tmp_path: Path) -> None:
    """Spark cuts the greatest time in the log down to the millisecond."""
    table = table_with_a_key(tmp_path, key_columns=(), stats=("at",))
    (part,) = write_parts(table, rows({1500: "a"}))
    cut = part.stats.replace(".002Z", ".001Z")
    assert cut != part.stats
    append_once(table, [dataclasses.replace(part, stats=cut)], writer="w", version=0)
    at = NOON + timedelta(microseconds=1500)
    assert rows_with_keys(table, pa.array([at], TIMESTAMP), ["id"], ["at"])["id"].to_pylist() == [1500]


def test_a_file_with_times_of_96_bits_is_read_to_the_end_of_time(tmp_path: Path) -> None:
    """As Spark may write them; nanoseconds would not reach."""
    table = table_with_a_key(tmp_path, key_columns=())
    end = datetime(9999, 12, 31, tzinfo=UTC)
    data = rows({1: "a"}).set_column(3, "at", pa.array([end], TIMESTAMP))
    (part,) = write_parts(table, data)
    path = Path(table.path) / part.path
    pq.write_table(data, path, use_deprecated_int96_timestamps=True)
    append_once(table, [dataclasses.replace(part, size=path.stat().st_size)], writer="w", version=0)
    assert all_rows(table, ["at"])["at"].to_pylist() == [end]
