"""Tables are made with what they need, and given the columns they lack.

Covers: spark_jobs.storage.actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.tables_by_day import FIRST, SECOND, table_at
from support.tables_by_day import SCHEMA as DAY_SCHEMA
from support.tables_by_day import rows as day_rows
from support.tables_with_a_key import SCHEMA, log_of, named, put, scanned, slipped_in, table_with_a_key

from spark_jobs.storage.actions import PROPERTIES
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import SchemaConflictError, added_later, ensure_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from pathlib import Path


def test_a_column_added_later_is_null_before_and_named_in_the_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    append_once(table, write_parts(table, day_rows(FIRST)), writer="w", version=0)
    wider = table_at(tmp_path, schema=DAY_SCHEMA.append(pa.field("note", pa.string())))
    ensure_table(wider)
    found = ensure_table(wider)
    assert added_later(found) == ["note"]
    more = day_rows(SECOND).append_column("note", pa.array(["new"]))
    append_once(wider, write_parts(wider, more), writer="w", version=1)
    append_once(
        table, write_parts(table, day_rows(FIRST)), writer="w", version=2
    )  # by a worker with the older contract
    assert sorted(DeltaTable(table.path).to_pyarrow_table()["note"].to_pylist(), key=str) == [None, None, "new"]


def test_a_widening_killed_halfway_is_finished_without_naming_a_column_twice(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    found = ensure_table(table)
    found.alter.set_table_properties({"tally.fieldsAddedLater": "note"}, raise_if_not_exists=False)
    wider = table_at(tmp_path, schema=DAY_SCHEMA.append(pa.field("note", pa.string())))
    assert added_later(ensure_table(wider)) == ["note"]


def test_a_column_of_another_type_is_refused_with_table_column_and_types(tmp_path: Path) -> None:
    ensure_table(table_at(tmp_path))
    other = table_at(tmp_path, schema=DAY_SCHEMA.set(1, pa.field("n", pa.string())))
    with pytest.raises(SchemaConflictError, match=r"ops/x: column 'n' is bigint in the table but string"):
        ensure_table(other)


def test_a_table_with_a_key_has_deletion_vectors_and_no_other_feature(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    made = ensure_table(table)
    protocol = made.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (3, 7)
    assert protocol.reader_features == ["deletionVectors"]
    assert set(protocol.writer_features or ()) == {"deletionVectors", "invariants", "appendOnly"}
    assert made.metadata().configuration == {**PROPERTIES, "delta.enableDeletionVectors": "true"}
    assert pa.schema(made.schema()) == SCHEMA
    ensure_table(table)
    assert log_of(table).version == 0


def test_columns_added_while_another_writer_commits_are_added_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "a"})
    from spark_jobs.storage import create

    slipped_in(monkeypatch, create, lambda: put(table, 1, {2: "b"}))
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    assert [field.name for field in ensure_table(wide).schema().fields][-1] == "more"
    assert named(scanned(table.path)) == {1: "a", 2: "b"}
