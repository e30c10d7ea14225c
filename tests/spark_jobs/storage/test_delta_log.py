"""A log is read from its newest checkpoint; one that lost its beginning is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tables_with_a_key import SCHEMA, named, put, table_with_a_key

from spark_jobs.storage.delta_log import catch_up, read_log
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.open_tables import open_snapshot
from spark_jobs.storage.snapshot import DeltaLogError


def test_entries_cleaned_away_behind_a_snapshot_are_read_from_the_checkpoint(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    for version in range(3):
        put(table, version, {1: f"{version}"})
    old = open_snapshot(table.path)
    assert old is not None
    for version in range(3, 21):
        put(table, version, {1: f"{version}"})
    for version in range(20):
        (Path(table.path) / "_delta_log" / f"{version:020}.json").unlink()
    assert (catch_up(old).version, named(all_rows(table, SCHEMA.names))) == (21, {1: "20"})


def test_a_log_of_which_the_beginning_is_lost_is_not_taken_for_none(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    (Path(table.path) / "_delta_log" / f"{0:020}.json").unlink()
    with pytest.raises(DeltaLogError, match="neither a first entry nor a checkpoint"):
        read_log(table.path)
