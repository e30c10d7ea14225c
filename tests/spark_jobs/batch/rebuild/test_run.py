"""A subject rebuilt from Bronze: verified without a trace, swapped in, killed at every step, and refused where it must be.

Covers rebuild/run, compare, contents and dead_letters, batch/refine_progress and microbatch/swap.

Covers: spark_jobs.batch.rebuild.compare, spark_jobs.batch.rebuild.contents, spark_jobs.batch.rebuild.dead_letters,
spark_jobs.microbatch.swap, spark_jobs.cli.rebuild, spark_jobs.render.rebuild.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F
from support.lakes import EVENTS_HEADER, event, new_workspace, rebuild

from schema_registry.errors import ContractError
from spark_jobs.batch.rebuild import run as rebuild_module
from spark_jobs.batch.rebuild.compare import Comparison
from spark_jobs.batch.rebuild.contents import VERDICTS
from spark_jobs.batch.rebuild.run import IncompleteError
from spark_jobs.errors import BusyError, UsageError
from spark_jobs.microbatch import swap as swap_module
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.microbatch.spark_notes import query_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession
    from support.lakes import Workspace

    from spark_jobs.storage.table import Table

CHANGES = "change_id,op,event_ts,seq,product_id,product_name,category,brand,price,cost,description\n"


def product(change_id: str, op: str, minute: int, seq: int, key: int = 1, price: str = "9.99") -> str:
    cells = ",,,,," if op == "d" else f"Cup,home,,{price},4.00,"
    return f"{change_id},{op},2026-01-05T10:{minute:02}:00Z,{seq},{key},{cells}\n"


def rows(table: Table) -> list[dict[str, Any]]:
    return list(pa.table(DeltaTable(table.path).scan().read_all()).to_pylist())


def versions(workspace: Workspace, subject: str) -> dict[str, int]:
    lake = workspace.lake
    tables = (lake.bronze(workspace.subject(subject)), lake.files, *lake.refine_tables(workspace.subject(subject)))
    return {table.name: DeltaTable(table.path).version() for table in tables}


def files_of(workspace: Workspace) -> set[str]:
    """Every file of the lake but the locks, which are only held for a time."""
    root = workspace.lake.root
    return {str(path.relative_to(root)) for path in root.rglob("*") if "_locks" not in path.parts}


def with_events(workspace: Workspace, spark: SparkSession) -> None:
    """Two batches, with a late row, a repeat within a batch and one across, and two dead letters."""
    workspace.drop(
        "a.csv",
        EVENTS_HEADER + event("e1") + event("e2", price="-1") + event("e1") + event("e3", "2026-01-06T12:00:00Z"),
    )
    workspace.drain(spark)
    workspace.drop(
        "b.csv", EVENTS_HEADER + event("e1") + event("late", "2026-01-04T09:00:00Z") + event("e5", price="x")
    )
    workspace.drain(spark)


def with_changes(workspace: Workspace, spark: SparkSession) -> None:
    """Three batches: updates, a delete, and last a change that is late and splits an interval of history."""
    first = product("a", "c", 0, 1) + product("b", "u", 20, 5, price="12.50") + product("x", "c", 0, 3, price="-1")
    workspace.drop("a.csv", CHANGES + first, "products")
    workspace.drain(spark, "products")
    workspace.drop("b.csv", CHANGES + product("a", "c", 0, 1) + product("c", "c", 5, 4, key=2), "products")
    workspace.drain(spark, "products")
    workspace.drop(
        "c.csv", CHANGES + product("e", "u", 10, 2, price="11.00") + product("d", "d", 6, 6, key=2), "products"
    )
    workspace.drain(spark, "products")


def damage(spark: SparkSession, table: Table, where: str, column: str, value: str) -> None:
    from delta.tables import DeltaTable as SparkTable

    SparkTable.forPath(spark, table.path).update(where, {column: F.expr(value)})


def test_a_rebuild_of_events_comes_to_the_same_and_a_verification_leaves_no_trace(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    before, files = versions(workspace, "ecommerce_events"), files_of(workspace)
    done = rebuild(workspace, spark, "ecommerce_events", verify=True)
    assert done.equal, done.compared
    assert (done.judged, done.waiting, done.before) == (7, 0, {})
    assert {c.table: (c.live, c.rebuilt) for c in done.compared} == {
        "silver/ecommerce_events": (3, 3),
        "ops/dead_letters": (2, 2),
        VERDICTS: (7, 7),
    }
    assert all(c.live_hash == c.rebuilt_hash for c in done.compared)
    assert (versions(workspace, "ecommerce_events"), files_of(workspace)) == (before, files)


def test_a_rebuild_of_changes_comes_to_the_same_though_late_changes_came_in_several_batches(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    with_changes(workspace, spark)
    before, files = versions(workspace, "products"), files_of(workspace)
    done = rebuild(workspace, spark, "products", verify=True)
    assert done.equal, done.compared
    names = ["silver/products_changes", "silver/products", "gold/dim_product", "ops/dead_letters", VERDICTS]
    assert [c.table for c in done.compared] == names
    assert min(c.live for c in done.compared) > 0
    assert (versions(workspace, "products"), files_of(workspace)) == (before, files)


def test_a_row_changed_by_hand_is_named_with_both_values_and_a_rebuild_repairs_it_and_keeps_the_old(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    table = workspace.lake.silver(workspace.subject())
    damage(spark, table, "event_id = 'e1'", "price", "1.00")
    verified = rebuild(workspace, spark, "ecommerce_events", verify=True)
    (wrong,) = [c for c in verified.compared if c.differing]
    (example,) = wrong.examples
    assert (wrong.table, wrong.differing, wrong.live_hash == wrong.rebuilt_hash) == (table.name, 1, False)
    assert example.key == {"event_id": "e1"}
    assert {name: [str(v) for v in values] for name, values in example.columns.items()} == {"price": ["1.00", "9.99"]}

    done = rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert {str(row["price"]) for row in rows(table)} == {"9.99"}
    old = spark.read.format("delta").option("versionAsOf", done.before[table.name]).load(table.path)
    assert {str(row.price) for row in old.collect()} == {"1.00", "9.99"}
    found = workspace.audit(spark)
    assert found.balanced, found.findings
    assert (found.readings, found.waiting, found.bronze) == (1, 0, 7)
    assert not workspace.lake.shadow("ecommerce_events").root.exists()
    assert workspace.lake.checkpoint("ecommerce_events", done.kept_checkpoint).is_dir()


def test_the_stream_goes_on_where_the_rebuild_ended_and_the_next_verification_finds_no_difference(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    with_changes(workspace, spark)
    history = workspace.lake.history(workspace.subject("products"))
    assert history is not None
    surrogates = {row["product_key"] for row in rows(history)}
    damage(spark, workspace.lake.current(workspace.subject("products")), "product_id = 1", "product_name", "'Mug'")
    assert not rebuild(workspace, spark, "products", verify=False).equal
    assert {row["product_key"] for row in rows(history)} == surrogates
    workspace.drop("d.csv", CHANGES + product("f", "u", 30, 7, price="13.00") + product("a", "c", 0, 1), "products")
    (books,) = workspace.drain(spark, "products")
    assert (books.rows_read, books.accepted, books.duplicate) == (2, 1, 1)
    assert books.query_id == query_id(workspace.lake.checkpoint("products", "refine"))
    assert workspace.audit(spark, "products").balanced
    assert rebuild(workspace, spark, "products", verify=True).equal


def test_rows_that_wait_are_left_out_of_a_verification_and_are_part_of_a_rebuild(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spark_jobs.queries.application import Application

    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    workspace.drop("c.csv", EVENTS_HEADER + event("e7") + event("e8") + event("e1"))
    with monkeypatch.context() as patch:
        patch.setattr(Application, "_refine", Application._ingest)
        workspace.drain(spark)
    verified = rebuild(workspace, spark, "ecommerce_events", verify=True)
    assert (verified.equal, verified.waiting, verified.judged) == (True, 3, 7)
    done = rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert (done.equal, done.waiting, done.judged) == (False, 3, 10)
    assert workspace.drain(spark) == []
    found = workspace.audit(spark)
    assert found.balanced, found.findings
    assert (found.accepted, found.waiting) == (5, 0)


STEPS = ("the journal", "a move", "a commit", "the checkpoint", "the end")


@pytest.mark.parametrize("step", STEPS)
def test_a_swap_killed_at_any_step_is_finished_once_by_the_next_start(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop(
        "a.csv", CHANGES + product("a", "c", 0, 1) + product("b", "u", 1, 2) + product("a", "c", 0, 1), "products"
    )
    workspace.drain(spark, "products")
    lake, subject = workspace.lake, workspace.subject("products")
    damage(spark, lake.current(subject), "product_id = 1", "product_name", "'Mug'")
    with monkeypatch.context() as patch:
        patch.setattr(rebuild_module, "compare", lambda *_: (Comparison(VERDICTS),))
        _kill_at(patch, step)
        with pytest.raises(Killed):
            rebuild(workspace, spark, "products", verify=False)
    begun = step != "the journal"
    assert lake.swap_journal("products").exists() == begun
    assert workspace.drain(spark, "products") == []
    assert not lake.shadow("products").root.exists()
    assert {row["product_name"] for row in rows(lake.current(subject))} == ({"Cup"} if begun else {"Mug"})
    swaps = {table.name: _swaps_of(table) for table in lake.refine_tables(subject)}
    assert swaps == {table.name: int(begun and table != lake.dead_letters) for table in lake.refine_tables(subject)}
    queries = {row["query_id"] for row in rows(lake.batch_quality)}
    assert queries == {query_id(lake.checkpoint("products", "refine"))}


class Killed(BaseException):
    """As a kill would: nothing in between catches it."""


def _kill_at(patch: pytest.MonkeyPatch, step: str) -> None:
    """Die at one call of one step of the swap, before it or after it."""
    name, at, after = {
        "the journal": ("write_batch", 1, False),
        "a move": ("_move", 3, True),
        "a commit": ("put_if_absent", 3, False),
        "the checkpoint": ("_swap_checkpoints", 1, False),
        "the end": ("_swap_checkpoints", 1, True),
    }[step]
    real: Callable[..., Any] = getattr(swap_module, name)
    calls: list[int] = []

    def dies(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == at and not after:
            raise Killed
        found = real(*args)
        if len(calls) == at:
            raise Killed
        return found

    patch.setattr(swap_module, name, dies)


def _swaps_of(table: Table) -> int:
    return sum(1 for entry in DeltaTable(table.path).history() if entry["operation"] == "TALLY REBUILD")


def test_killed_between_the_two_renames_of_the_checkpoint_the_next_start_does_the_second(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    refine = workspace.lake.checkpoint("ecommerce_events", "refine")
    real = Path.rename

    def dies(self: Path, target: Any) -> Path:
        if Path(target) == refine:
            raise Killed
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dies)
        with pytest.raises(Killed):
            rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert not refine.exists()
    done = rebuild(workspace, spark, "ecommerce_events", verify=True)
    assert (done.finished, done.equal) == (True, True)
    assert workspace.audit(spark).readings == 1


def test_other_subjects_rows_in_the_ops_tables_stay(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    workspace.drop("a.csv", CHANGES + product("a", "c", 0, 1) + product("x", "c", 0, 3, price="-1"), "products")
    workspace.drain(spark, "products")
    done = rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert done.equal
    assert workspace.audit(spark, "products").balanced
    assert workspace.audit(spark).balanced


def test_what_was_decided_about_dead_letters_stays_but_a_resolved_one_that_is_refused_again_is_open(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop(
        "a.csv", EVENTS_HEADER + event("e1") + event("no", price="-1") + event("so", price="x") + event("ok", price="y")
    )
    workspace.drain(spark)
    letters = workspace.lake.dead_letters
    damage(spark, letters, "payload['event_id'] = 'no'", "status", "'discarded'")
    damage(spark, letters, "payload['event_id'] = 'so'", "status", "'resolved'")
    damage(spark, letters, "payload['event_id'] != 'ok'", "attempts", "3")
    done = rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert done.reopened == 1
    told = {dict(row["payload"])["event_id"]: (row["status"], row["attempts"]) for row in rows(letters)}
    assert told == {"no": ("discarded", 3), "so": ("open", 3), "ok": ("open", 1)}


def test_a_rebuild_that_would_lose_rows_because_bronze_has_lost_them_changes_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    from delta.tables import DeltaTable as SparkTable

    workspace = new_workspace(tmp_path)
    with_events(workspace, spark)
    SparkTable.forPath(spark, workspace.lake.bronze(workspace.subject()).path).delete("event_id = 'e3'")
    before = versions(workspace, "ecommerce_events")
    with pytest.raises(IncompleteError, match="1 rows of 'ecommerce_events' that were judged are not in Bronze"):
        rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert versions(workspace, "ecommerce_events") == before
    assert not workspace.lake.shadow("ecommerce_events").root.exists()


def test_a_subject_that_is_streamed_one_that_is_unknown_and_one_without_bronze_are_refused(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    with pytest.raises(UsageError, match="there is no Bronze of 'products'"):
        rebuild(workspace, spark, "products", verify=True)
    with pytest.raises(ContractError, match="nonsense"):
        rebuild(workspace, spark, "nonsense", verify=True)
    workspace.drop("a.csv", EVENTS_HEADER + event("e1"))
    workspace.drain(spark)
    with (
        sole_writer(workspace.lake.lock("ecommerce_events"), "ecommerce_events"),
        pytest.raises(BusyError, match=f"already being streamed .* by process {os.getpid()}") as refused,
    ):
        rebuild(workspace, spark, "ecommerce_events", verify=False)
    assert refused.value.exit_code == 2
