"""A commit makes parts visible once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from deltalake import DeltaTable
from support.tables_by_day import FIRST, SECOND, rows, seen, table_at

from spark_jobs.storage.append import append_once, is_committed
from spark_jobs.storage.cache import StorageCache, use_storage_cache
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    import pytest


def test_every_reader_sees_what_was_committed_and_the_log_names_the_writer(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert append_once(table, write_parts(table, rows(FIRST, SECOND)), writer="q:ops/x", version=7)
    assert seen(table.path) == [("r0", FIRST), ("r1", SECOND)]
    with duckdb.connect() as database:
        database.execute("SET autoinstall_known_extensions = false")
        files = DeltaTable(table.path).file_uris()
        assert database.execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchone() == (2,)
    log = (Path(table.path) / "_delta_log" / f"{1:020}.json").read_text().splitlines()
    (txn,) = [action["txn"] for action in map(json.loads, log) if "txn" in action]
    assert (txn["appId"], txn["version"]) == ("q:ops/x", 7)


def test_a_commit_done_twice_lands_once_and_another_writers_lands_too(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    batch = write_parts(table, rows(FIRST))
    assert append_once(table, batch, writer="w", version=3)
    assert not append_once(table, batch, writer="w", version=3)
    assert not append_once(table, write_parts(table, rows(FIRST)), writer="w", version=2)
    assert append_once(table, write_parts(table, rows(FIRST)), writer="w", version=4)
    assert append_once(table, write_parts(table, rows(FIRST)), writer="other", version=0)
    assert len(seen(table.path)) == 3
    assert [is_committed(table, writer="w", version=version) for version in (2, 4, 5)] == [True, True, False]


def test_a_commit_done_again_once_its_parts_were_compacted_and_vacuumed_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a start does that finds a committed batch in its journal."""
    table = table_at(tmp_path)
    batches = [write_parts(table, rows(FIRST)) for _ in range(2)]
    for version, batch in enumerate(batches):
        append_once(table, batch, writer="w", version=version)
    held = DeltaTable(table.path)
    held.optimize.compact()
    held.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert not any((Path(table.path) / part.path).exists() for batch in batches for part in batch)
    use_storage_cache(StorageCache())  # another process
    assert not append_once(table, batches[1], writer="w", version=1)
    assert len(seen(table.path)) == 2


def test_a_table_that_asks_its_writers_for_more_than_rows_gets_it_from_delta_rs(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    append_once(table, write_parts(table, rows(FIRST)), writer="w", version=0)
    DeltaTable(table.path).alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    assert append_once(table, write_parts(table, rows(SECOND)), writer="w", version=1)
    assert not append_once(table, write_parts(table, rows(SECOND)), writer="w", version=1)
    assert len(seen(table.path)) == 2
    writers = [(each["operation"], each["engineInfo"][:9]) for each in DeltaTable(table.path).history()]
    assert (writers[0], writers[2]) == (("WRITE", "delta-rs:"), ("WRITE", "Tallylake"))


def test_no_parts_make_no_commit_and_no_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert not append_once(table, [], writer="w", version=0)
    assert open_table(table.path) is None
    assert not is_committed(table, writer="w", version=0)
