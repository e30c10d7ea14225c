"""What a process keeps of tables is bounded, and belongs to one cache that can be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.tables_with_a_key import put, table_with_a_key

from spark_jobs.storage.cache import OPEN_TABLES, Bounded, StorageCache, storage_cache, use_storage_cache
from spark_jobs.storage.open_tables import open_snapshot, open_table

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_used_least_recently_is_dropped_first_and_memory_stays_within_its_limit() -> None:
    kept: Bounded[str] = Bounded(100)
    for name in "abc":
        kept.put(name, name, 40)
        kept.get("a")
    assert [kept.get(name) for name in "abc"] == ["a", None, "c"]
    kept.put("huge", "huge", 101)
    assert [kept.get(name) for name in ("a", "c", "huge")] == [None, None, None]
    kept.put("a", "again", 90)
    kept.put("a", "and again", 95)
    assert kept.get("a") == "and again"


def test_a_table_that_was_opened_stays_open_until_the_cache_is_replaced(tmp_path: Path) -> None:
    use_storage_cache(StorageCache())
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    assert open_table(table.path) is open_table(table.path)
    assert open_snapshot(table.path) is open_snapshot(table.path)
    handle, before = open_table(table.path), storage_cache()
    use_storage_cache(StorageCache())
    assert storage_cache() is not before
    assert open_table(table.path) is not handle


def test_tables_that_were_opened_longest_ago_make_room() -> None:
    handles: Bounded[int] = Bounded(OPEN_TABLES)
    for number in range(OPEN_TABLES + 1):
        handles.put(f"table {number}", number)
    assert "table 0" not in handles
    assert handles.get("table 1") == 1
    handles.drop("table 1")
    assert handles.get("table 1") is None
