"""Checkpoints come every twenty versions, and hold the table.

Covers: spark_jobs.storage.checkpoint_files.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tables_by_day import FIRST, seen, table_at
from support.tables_by_day import rows as day_rows
from support.tables_with_a_key import SCHEMA, log_of, named, put, scanned, table_with_a_key

from spark_jobs.storage import checkpoint as checkpoint_module
from spark_jobs.storage.append import append_once
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.table_writer import write_parts


def test_a_checkpoint_of_an_appended_table_comes_every_twenty_versions(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    for version in range(41):
        append_once(table, write_parts(table, day_rows(FIRST)), writer="w", version=version)
    log = Path(table.path) / "_delta_log"
    assert sorted(path.name[18:20] for path in log.glob("*.checkpoint.parquet")) == ["20", "40"]
    for version in range(40):
        (log / f"{version:020}.json").unlink()
    assert len(seen(table.path)) == 41
    assert not append_once(table, write_parts(table, day_rows(FIRST)), writer="w", version=40)


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
