"""A file that a power cut left empty or cut off is named with the way out; what it held is never missing without a word.

Covers: spark_jobs.storage.damage, spark_jobs.storage.failures, spark_jobs.storage.files,
spark_jobs.storage.integrity.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.power_cuts import CUTS, cut, damage, forget
from support.tables_with_a_key import put, table_with_a_key

from spark_jobs.cli.app import main
from spark_jobs.errors import TallyError
from spark_jobs.lake import Lake
from spark_jobs.microbatch.commit import CommitState, commit_batch, read_state, writer_name
from spark_jobs.microbatch.journal import Facts, Journal, PreparedBatch
from spark_jobs.microbatch.swap import SwapError, finish_swap
from spark_jobs.storage import files as files_module
from spark_jobs.storage.append import append_once
from spark_jobs.storage.checkpoint import write_checkpoint
from spark_jobs.storage.damage import damaged_files
from spark_jobs.storage.delta_log import read_log
from spark_jobs.storage.failures import explain
from spark_jobs.storage.open_tables import open_snapshot, open_table
from spark_jobs.storage.snapshot import DeltaLogError
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = pa.schema([("n", pa.int64())])


def plain(root: Path) -> Table:
    return Table("ops/x", str(root / "ops" / "x"), SCHEMA, (), ("n",))


def append(table: Table, *versions: int) -> None:
    for version in versions:
        append_once(table, write_parts(table, pa.table({"n": [version]})), writer="w", version=version)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    made = plain(tmp_path)
    append(made, 0, 1, 2)
    return made


def entry(table: Table, version: int) -> Path:
    return Path(table.path) / "_delta_log" / f"{version:020}.json"


@cut
@pytest.mark.parametrize("version", [0, 1, 3])
def test_an_entry_of_an_appended_table_is_never_passed_over(
    table: Table, version: int, cut: Callable[[bytes], bytes]
) -> None:
    damage(entry(table, version), cut)
    with pytest.raises(DeltaLogError, match=rf"{version:020}\.json is (empty|cut off), as a power cut .*: restore it"):
        open_table(table.path)
    with pytest.raises(DeltaLogError):
        append(table, 3)


@cut
def test_an_entry_of_a_keyed_table_is_never_passed_over(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    table = table_with_a_key(tmp_path)
    for version in range(3):
        put(table, version, {version: "row"})
    damage(entry(table, 2), cut)
    for read in (open_snapshot, read_log, open_table):
        with pytest.raises(DeltaLogError, match=r"02\.json is (empty|cut off).*restore it from a backup"):
            read(table.path)


def test_an_entry_that_is_gone_in_the_middle_is_named_and_no_other_takes_its_place(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    for version in range(4):
        put(table, version, {version: "row"})
    entry(table, 2).unlink()
    forget()
    for read in (open_snapshot, open_table):
        with pytest.raises(DeltaLogError, match=r"02\.json is missing, though later entries are there"):
            read(table.path)
    with pytest.raises(DeltaLogError):
        put(table, 9, {9: "row"})
    assert not entry(table, 2).exists()


@cut
def test_a_checkpoint_is_named_with_what_may_be_moved_away_and_then_the_entries_tell_all(
    table: Table, cut: Callable[[bytes], bytes]
) -> None:
    write_checkpoint(table.path, clean=False)
    append(table, 3)
    (checkpoint,) = Path(table.path).glob("_delta_log/*.checkpoint.parquet")
    damage(checkpoint, cut)
    with pytest.raises(
        DeltaLogError, match=r"checkpoint\.parquet is (empty|cut off).* move it and .*_last_checkpoint away"
    ):
        open_table(table.path)
    checkpoint.unlink()
    (checkpoint.parent / "_last_checkpoint").unlink()
    found = open_table(table.path)
    assert found is not None
    assert found.to_pyarrow_table().num_rows == 4


@cut
def test_a_note_of_the_newest_checkpoint_is_no_more_than_a_hint(table: Table, cut: Callable[[bytes], bytes]) -> None:
    write_checkpoint(table.path, clean=False)
    append(table, 3)
    damage(Path(table.path) / "_delta_log" / "_last_checkpoint", cut)
    found = open_table(table.path)
    assert found is not None
    assert found.to_pyarrow_table().num_rows == 4


@cut
def test_a_committed_part_is_named_when_what_reads_it_fails(table: Table, cut: Callable[[bytes], bytes]) -> None:
    part = Path(DeltaTable(table.path).file_uris()[1].removeprefix("file://"))
    assert damaged_files([table.path]) is None
    damage(part, cut)
    with pytest.raises(Exception) as failed:  # noqa: PT011  whatever the reader says
        DeltaTable(table.path).to_pyarrow_table()
    told = explain(failed.value, [table.path])
    assert isinstance(told, TallyError)
    assert str(part) in str(told)
    assert "restore it from a backup" in str(told)


@cut
def test_a_prepared_part_is_written_anew_while_nothing_of_its_batch_is_visible(
    tmp_path: Path, cut: Callable[[bytes], bytes]
) -> None:
    table, journal = plain(tmp_path), Journal(tmp_path / "checkpoint", Facts)
    parts = write_parts(table, pa.table({"n": [1]}))
    journal.save(PreparedBatch(0, tuple(parts), Facts()))
    damage(Path(table.path) / parts[0].path, cut)
    assert read_state(journal, [table], "owner") == CommitState(None, -1)


@cut
def test_a_journal_file_is_judged_anew_or_named_never_taken_for_empty(
    tmp_path: Path, cut: Callable[[bytes], bytes]
) -> None:
    table, journal = plain(tmp_path), Journal(tmp_path / "checkpoint", Facts)
    prepared = PreparedBatch(0, tuple(write_parts(table, pa.table({"n": [1]}))), Facts())
    journal.save(prepared)
    damage(tmp_path / "checkpoint" / "prepared" / "0.json", cut)
    assert read_state(journal, [table], "owner") == CommitState(None, -1)
    commit_batch(prepared, [table], lambda table: writer_name("owner", table))
    journal.save(prepared)
    damage(tmp_path / "checkpoint" / "prepared" / "0.json", cut)
    with pytest.raises(TallyError, match=r"0\.json is cut off.* committed to ops/x already: restore it from a backup"):
        read_state(journal, [table], "owner")


@cut
def test_a_swap_journal_is_named(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    journal = Lake(tmp_path).swap_journal("customers")
    journal.parent.mkdir(parents=True)
    journal.write_text('{"subject": "customers", "query_id": "q", "tables": []}')
    damage(journal, cut)
    with pytest.raises(SwapError, match=r"swap\.json is cut off .*restore it from a backup"):
        finish_swap(Lake(tmp_path), "customers")


def test_a_command_says_it_in_a_sentence(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKE_ROOT", str(tmp_path))
    damage(Path(DeltaTable(table.path).file_uris()[0].removeprefix("file://")), CUTS["empty"])
    monkeypatch.setattr("spark_jobs.cli.status.run_status", lambda *_, **__: DeltaTable(table.path).to_pyarrow_table())
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    said = capsys.readouterr().err.replace("\n", "")
    assert ended.value.code == 1
    assert said.startswith("error: not on disk as it was written:")
    assert "Traceback" not in said


def test_all_that_an_entry_names_is_on_disk_before_the_entry_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, checkpoint = plain(tmp_path), tmp_path / "checkpoint"
    (checkpoint / "offsets").mkdir(parents=True)
    (checkpoint / "offsets" / "0").write_text("v1")
    done: list[str] = []
    real_link, real_replace, real_fsync = os.link, Path.replace, os.fsync

    def fsynced(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsynced)

    def noted(call: Callable[[Path, Path], Any]) -> Callable[[Path, Path], Any]:
        def made(a: Path, b: Path) -> Any:
            done.append(f"= {b.name}")
            return call(a, b)

        return made

    monkeypatch.setattr(os, "link", noted(real_link))
    monkeypatch.setattr(Path, "replace", noted(real_replace))
    (part,) = write_parts(table, pa.table({"n": [1]}))
    assert append_once(table, [part], writer="w", version=0)
    named = done.index(f"= {1:020}.json")
    assert {part.path, "x"} <= set(done[:named])
    assert done[named - 1].startswith("entry_")
    assert done[named + 1] == "_delta_log"
    done.clear()
    Journal(checkpoint, Facts).save(PreparedBatch(0, (part,), Facts()))
    named = done.index("= 0.json")
    assert {"0", "offsets", ".0.json.tmp"} <= set(done[:named])
    assert files_module.SIDE_BY_SIDE > 1
    assert json.loads(entry(table, 1).read_text().splitlines()[1])["txn"]["appId"] == "w"
