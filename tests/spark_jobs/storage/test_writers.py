"""Which queries have committed to a table: told from its log, entries and checkpoints, also once entries are cleaned away."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from spark_jobs.storage.append import append_once
from spark_jobs.storage.checkpoint import write_checkpoint
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.storage.writers import Writers

SCHEMA = pa.schema([("row_id", pa.string())])


def append(table: Table, query: str, version: int) -> None:
    parts = write_parts(table, pa.table({"row_id": [f"{query}-{version}"]}, schema=SCHEMA))
    assert append_once(table, parts, writer=f"{query}:{table.name}", version=version)


def entries(table: Table) -> list[Path]:
    return sorted((Path(table.path) / "_delta_log").glob("*.json"))


def test_all_queries_are_known_however_many_checkpoints_the_log_has_and_entries_it_has_lost(tmp_path: Path) -> None:
    table = Table("bronze/x", str(tmp_path / "bronze" / "x"), SCHEMA)
    ensure_table(table)
    followed = Writers(table.path)
    assert followed.queries() == set()
    for version in range(45):  # a checkpoint each 20 entries
        append(table, "first" if version < 5 else "second", version)
    assert followed.queries() == Writers(table.path).queries() == {"first", "second"}
    for entry in entries(table)[:41]:
        entry.unlink()
    assert Writers(table.path).queries() == {"first", "second"}
    append(table, "third", 0)
    assert followed.queries() == Writers(table.path).queries() == {"first", "second", "third"}


def test_a_checkpoint_of_a_table_that_no_query_has_written_names_none(tmp_path: Path) -> None:
    table = Table("bronze/x", str(tmp_path / "bronze" / "x"), SCHEMA)
    ensure_table(table)
    write_checkpoint(table.path, clean=False)
    assert Writers(table.path).queries() == set()


def test_writers_of_other_tables_are_not_this_ones(tmp_path: Path) -> None:
    table = Table("bronze/x", str(tmp_path / "bronze" / "x"), SCHEMA)
    ensure_table(table)
    parts = write_parts(table, pa.table({"row_id": ["a"]}, schema=SCHEMA))
    append_once(table, parts, writer="someone:ops/other", version=0)
    assert Writers(table.path).queries() == set()
