"""A prepared batch is committed to each of its tables once, whatever was committed before."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.tables_with_a_key import named, rows, scanned, table_with_a_key

from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.microbatch.commit import LostPartsError, commit_batch, read_state, writer_name
from spark_jobs.microbatch.journal import Facts, Journal, PreparedBatch
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from spark_jobs.storage.table import Table


def by_owner(table: Table) -> str:
    return writer_name("owner", table)


def test_a_commit_replaces_in_tables_with_a_key_and_appends_to_others_once(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    log = dataclasses.replace(table, name="silver/log", path=str(tmp_path / "log"), key_columns=())
    for batch, (new, deleted) in enumerate([({1: "a", 2: "b"}, []), ({1: "c"}, [2])]):
        parts = (*write_parts(table, rows(new)), *write_parts(log, rows(new)))
        prepared = PreparedBatch(batch, parts, Facts(), deleted_keys={table.name: tuple(deleted)})
        for _ in range(2):
            commit_batch(prepared, [log, table], by_owner)
    assert named(scanned(table.path)) == {1: "c"}
    assert sorted(scanned(log.path)["name"].to_pylist()) == ["a", "b", "c"]


def test_a_batch_of_which_only_one_table_is_committed_resumes_with_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_with_a_key(tmp_path)
    log = dataclasses.replace(table, name="silver/log", path=str(tmp_path / "log"), key_columns=())
    prepared = PreparedBatch(0, (*write_parts(table, rows({1: "a"})), *write_parts(log, rows({1: "a"}))), Facts())
    journal = Journal(tmp_path / "checkpoint", Facts)
    journal.save(prepared)

    def stopped(*_: object, **__: object) -> bool:
        raise OSError("pulled the plug")

    monkeypatch.setattr(microbatch_commit, "append_once", stopped)
    with pytest.raises(OSError, match="plug"):
        commit_batch(prepared, [table, log], by_owner)
    monkeypatch.undo()
    assert read_state(journal, [table, log], "owner").last == prepared
    commit_batch(prepared, [table, log], by_owner)
    assert (named(scanned(table.path)), named(scanned(log.path))) == ({1: "a"}, {1: "a"})
    (Path(log.path) / prepared.parts_of(log.name)[0].path).unlink()
    assert read_state(journal, [table, log], "owner").last == prepared
    with pytest.raises(LostPartsError):
        read_state(journal, [table, dataclasses.replace(log, path=str(tmp_path / "elsewhere"))], "owner")
