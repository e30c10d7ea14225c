"""One lake, the real queries: what a batch does, done once, done twice, and interrupted at every step.

Covers: spark_jobs.queries.application, spark_jobs.queries.books, spark_jobs.queries.duplicates,
spark_jobs.queries.ingest, spark_jobs.queries.refine, spark_jobs.queries.verdicts, spark_jobs.queries.watermark,
spark_jobs.microbatch.staging, spark_jobs.batch.audit.books, spark_jobs.batch.audit.verdict_counts,
spark_jobs.storage.spark_tables, spark_jobs.schemas.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.duckdb_audit import discrepancies
from support.lakes import EVENTS_HEADER, dies_once_a_table, event, new_workspace

from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.microbatch import staging as staging_module
from spark_jobs.microbatch.staging import Staging, bronze_bytes
from spark_jobs.queries import books as books_module
from spark_jobs.queries import refine as refine_module
from spark_jobs.storage.append import append_once
from spark_jobs.storage.cache import StorageCache, use_storage_cache

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SENSORS = Path(__file__).resolve().parents[2] / "schema_registry" / "contracts"


def test_every_row_goes_to_exactly_one_table_and_the_books_say_so(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1") + event("e2", price="-1") + event("e1"))
    (books,) = workspace.drain(spark)
    assert (books.rows_read, books.accepted, books.duplicate, books.dead_letter, books.unaccounted) == (3, 1, 1, 1, 0)
    assert books.reasons == {"out_of_range:price": 1}
    (accepted,) = workspace.rows(workspace.lake.silver(workspace.subject()))
    (repeat,) = workspace.rows(workspace.lake.duplicates)
    (dead_letter,) = workspace.rows(workspace.lake.dead_letters)
    assert accepted["event_id"] == "e1"
    assert str(accepted["total_amount"]) == "9.99"
    assert accepted["schema_version"] == 1
    assert repeat["first_row_id"] == accepted["row_id"]
    assert [reason["code"] for reason in dead_letter["reasons"]] == ["out_of_range"]
    assert dict(dead_letter["payload"])["price"] == "-1"
    assert workspace.audit(spark).balanced


def test_the_watermark_moves_with_accepted_rows_only_and_flags_what_comes_late(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop(
        "a.csv", EVENTS_HEADER + event("e1", "2026-01-05T12:00:00Z") + event("future", "2099-01-01T00:00:00Z")
    )
    workspace.drain(spark)
    workspace.drop(
        "b.csv", EVENTS_HEADER + event("on-time", "2026-01-05T11:50:00Z") + event("late", "2026-01-05T11:49:59Z")
    )
    (books,) = workspace.drain(spark)
    assert books.watermark is not None
    assert books.watermark.isoformat() == "2026-01-05T11:50:00+00:00"
    flags = {
        row["event_id"]: row["late_arrival_flag"] for row in workspace.rows(workspace.lake.silver(workspace.subject()))
    }
    assert flags == {"e1": False, "on-time": False, "late": True}
    assert (books.late, books.accepted) == (1, 2)


def test_late_rows_are_dead_letters_where_the_policy_says_so_but_a_late_copy_is_a_duplicate(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path, LATE_POLICY="dead_letter")
    workspace.drop("a.csv", EVENTS_HEADER + event("new", "2026-01-05T12:00:00Z") + event("old", "2026-01-05T09:00:00Z"))
    workspace.drain(spark)
    workspace.drop(
        "b.csv", EVENTS_HEADER + event("old", "2026-01-05T09:00:00Z") + event("late", "2026-01-05T09:00:00Z")
    )
    (books,) = workspace.drain(spark)
    assert (books.duplicate, books.dead_letter, books.accepted) == (1, 1, 0)
    assert books.reasons == {"late:event_time": 1}
    assert workspace.audit(spark).balanced


def test_a_batch_killed_before_each_of_its_commits_in_turn_lands_exactly_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commits of a drain: the ingest ledger, Bronze, Silver, duplicates, dead letters; the books have a test below."""
    workspace = new_workspace(tmp_path, RETRY_ATTEMPTS="9", RETRY_FIRST_WAIT="1 ms")
    workspace.drop("a.csv", EVENTS_HEADER + event("e1") + event("e2", price="x") + event("e1") + event("e3"))
    died: list[str] = []
    monkeypatch.setattr(microbatch_commit, "append_once", dies_once_a_table(append_once, died))
    workspace.drain(spark)
    judged = ["silver/ecommerce_events", "ops/duplicates", "ops/dead_letters"]
    assert died == ["ops/files", "bronze/ecommerce_events", *judged]
    found = workspace.audit(spark)
    assert found.balanced, found.findings
    assert (found.bronze, found.accepted, found.duplicate, found.dead_letter) == (4, 2, 1, 1)
    assert workspace.sum_of_books("rows_read") == 4


def test_a_batch_killed_before_its_journal_was_written_is_judged_anew(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1") + event("e1"))
    from spark_jobs.microbatch.journal import Journal, PreparedBatch

    real, calls = Journal.save, []

    def dies(self: Journal[Any], batch: PreparedBatch[Any]) -> None:
        calls.append(1)
        if len(calls) in (1, 3):
            raise RuntimeError("killed here")
        real(self, batch)

    monkeypatch.setattr(Journal, "save", dies)
    workspace.drain(spark)
    found = workspace.audit(spark)
    assert found.balanced, found.findings
    assert (found.bronze, found.accepted, found.duplicate) == (2, 1, 1)


def test_a_batch_that_failed_is_taken_a_few_bytes_at_a_time(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one fails whose rows, alike and well compressed, come to more than Arrow can hold at once."""
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + "".join(event(f"e{number}") for number in range(50)))
    real_size, attempts = bronze_bytes, []

    def too_much(*args: Any) -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("[_LEGACY_ERROR] more than 2147483647 bytes")
        return real_size(*args)

    staged: list[int] = []
    real_way = Staging.fan_out

    def counted(self: Staging, *args: Any) -> Any:
        for name in self.files:
            with pa.ipc.open_file(name) as file:
                staged.extend(file.get_batch(number).num_rows for number in range(file.num_record_batches))
        return real_way(self, *args)

    monkeypatch.setattr(Staging, "fan_out", counted)
    monkeypatch.setattr(refine_module, "bronze_bytes", too_much)
    monkeypatch.setattr(staging_module, "FEW_BYTES", 4_096)
    (books,) = workspace.drain(spark)
    assert (books.rows_read, books.accepted, books.unaccounted) == (50, 50, 0)
    assert sum(staged) == 50
    assert len(staged) > 1
    assert attempts == [1]


def test_an_entry_of_silver_that_is_lost_after_the_books_is_made_again_from_the_journal(
    spark: SparkSession, tmp_path: Path
) -> None:
    """As its documented way out has it moved away, once a power cut has left it empty."""
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1") + event("e2", price="x"))
    workspace.drain(spark)
    for table in (workspace.lake.silver(workspace.subject()), workspace.lake.dead_letters):
        max(Path(table.path, "_delta_log").glob("*.json")).unlink()
    use_storage_cache(StorageCache())  # another process
    workspace.drop("b.csv", EVENTS_HEADER + event("e3"))
    workspace.drain(spark)
    assert sorted(row["event_id"] for row in workspace.rows(workspace.lake.silver(workspace.subject()))) == ["e1", "e3"]
    assert discrepancies(workspace.lake.root, "ecommerce_events") == []


def test_verdicts_of_a_prepared_batch_stand_even_if_the_settings_change_before_it_is_committed(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1", "2026-01-05T12:00:00Z"))
    workspace.drain(spark)
    workspace.drop("b.csv", EVENTS_HEADER + event("late", "2026-01-05T09:00:00Z"))
    real = append_once

    def dies(table: object, *args: object, **kwargs: object) -> object:
        if getattr(table, "name", "") == "ops/batch_quality":
            raise RuntimeError("killed before the books")
        return real(table, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(books_module, "append_once", dies)
        with pytest.raises(Exception, match="given up"):
            workspace.drain(spark)
    between = workspace.audit(spark)
    assert between.balanced, between.findings
    assert (between.accepted, between.waiting) == (1, 1)
    stricter = new_workspace(tmp_path, LATE_POLICY="dead_letter")
    (books,) = stricter.drain(spark)
    assert (books.accepted, books.dead_letter) == (1, 0)
    assert stricter.audit(spark).balanced


def test_the_same_files_under_other_names_are_duplicates_and_silver_stays_the_same(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.generate()
    workspace.drain(spark)
    before = workspace.content()
    for path in sorted((workspace.landing / "ecommerce_events").glob("*.csv")):
        shutil.copy(path, path.with_name(f"again_{path.name}"))
    (books,) = workspace.drain(spark)
    assert books.accepted == 0
    assert workspace.content() == before
    assert workspace.audit(spark).balanced


def test_deleted_checkpoints_cost_nothing_but_time_and_the_books_say_so(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.generate()
    workspace.drain(spark)
    before = workspace.content()
    first = workspace.audit(spark)
    shutil.rmtree(workspace.lake.checkpoint("ecommerce_events", "refine"))
    (reread,) = workspace.drain(spark)
    assert (reread.accepted, reread.dead_letter, reread.duplicate) == (0, 0, first.bronze)
    shutil.rmtree(workspace.lake.checkpoint("ecommerce_events", "ingest"))
    (relanded,) = workspace.drain(spark)
    assert (relanded.accepted, relanded.dead_letter, relanded.duplicate) == (0, 0, first.bronze)
    assert workspace.content() == before
    found = workspace.audit(spark)
    assert found.balanced, found.findings
    assert (found.bronze, found.readings) == (2 * first.bronze, 2)
    assert workspace.differences(spark)["wrong"] == 0


def test_a_row_that_was_a_duplicate_when_first_read_stays_one_when_the_checkpoint_is_lost(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("x", "2026-01-05T08:00:00Z") + event("x", "2026-01-05T08:05:00Z"))
    workspace.drop("b.csv", EVENTS_HEADER + event("y", "2026-01-05T12:00:00Z"))
    workspace.drain(spark)
    before = workspace.content()
    shutil.rmtree(workspace.lake.checkpoint("ecommerce_events", "refine"))
    (reread,) = workspace.drain(spark)
    assert (reread.accepted, reread.duplicate) == (0, 3)
    assert workspace.content() == before
    assert workspace.audit(spark).balanced


def test_an_accepted_row_stays_accepted_when_it_is_read_again_under_a_stricter_setting(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path, ALLOWED_CLOCK_SKEW="3650 days")
    workspace.drop("a.csv", EVENTS_HEADER + event("soon", "2030-01-05T08:00:00Z") + event("now"))
    workspace.drain(spark)
    stricter = new_workspace(tmp_path)
    shutil.rmtree(stricter.lake.checkpoint("ecommerce_events", "refine"))
    (reread,) = stricter.drain(spark)
    assert (reread.accepted, reread.duplicate, reread.dead_letter) == (0, 2, 0)
    assert stricter.audit(spark).balanced


def test_a_row_lost_on_the_way_shows_as_unaccounted_and_fails_the_audit(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spark_jobs.microbatch import fan_out as fork

    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1") + event("e2") + event("e3"))
    real = fork._accepted
    monkeypatch.setattr(fork, "_accepted", lambda rows, plan: real(rows, plan).slice(1))
    (books,) = workspace.drain(spark)
    assert (books.rows_read, books.accepted, books.unaccounted) == (3, 2, 1)
    found = workspace.audit(spark)
    assert not found.balanced
    assert "rows without any verdict" in [finding.what for finding in found.findings]


def test_a_subject_that_no_code_knows_is_streamed_by_its_contracts_alone(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path, contracts=SENSORS)
    rows = ("r1,ABC-0042,2026-01-05T10:00:00Z,1.5,ok", "r2,ABC-0042,2026-01-05T10:00:01Z,x,ok")
    workspace.drop("a.csv", "\n".join(["reading_id,device,measured_at,value,status", *rows]), subject="sensor_readings")
    (books,) = workspace.drain(spark, "sensor_readings")
    assert (books.rows_read, books.accepted, books.unaccounted) == (2, 1, 0)
    assert books.reasons == {"bad_type:value": 1}
    assert workspace.audit(spark, "sensor_readings").balanced


def test_a_file_rewritten_under_its_name_is_named_and_one_that_was_only_touched_is_not(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    touched = workspace.drop("a.csv", EVENTS_HEADER + event("e1"))
    workspace.drop("b.csv", EVENTS_HEADER + event("e2"))
    workspace.drain(spark)
    os.utime(touched, (1_700_000_000, 1_700_000_000))
    workspace.drop("b.csv", EVENTS_HEADER + event("e2") + event("e3"))
    found = workspace.audit(spark)
    (finding,) = found.findings
    assert finding.examples == ("ecommerce_events/b.csv",)
    assert "rewritten" in finding.what
