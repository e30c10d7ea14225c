"""kill -9 in the midst of a gold run's commits, and of the next one as it finishes them, before the first is on record."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from support.gold_lake import GoldWorkspace
from support.lakes import Workspace, new_workspace
from support.processes import Terminal

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.run import write_shop
from spark_jobs.batch.gold.run import GoldRun

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAST = date(2026, 2, 28)
START = datetime(2026, 1, 20, tzinfo=UTC)
#: Nothing is held back: every date is published, or not yet.
LENIENT: dict[str, Any] = {"GATE_TOTALS_TOLERANCE": "1", "GATE_VOLUME_TOLERANCE": "1"}


def shop(spark: SparkSession, root: Path) -> Workspace:
    """A few days of a small shop, streamed."""
    workspace = new_workspace(root, **LENIENT)
    write_shop(root / "made", files=4, customers=20, products=10, orders=120, seed=5, start=START)
    (root / "made" / "landing").rename(workspace.landing)
    workspace.drain(spark, *SHOP_SUBJECTS)
    return workspace


def killed_before(terminal: Terminal, table: str) -> None:
    terminal.run_killed_at_commit(table, "gold", "run", "--date", str(LAST))


@pytest.mark.journey
def test_a_gold_run_killed_between_its_commits_is_finished_by_the_next_and_is_on_record_once(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace, terminal = shop(spark, tmp_path), Terminal(tmp_path, LENIENT)
    fresh = GoldWorkspace(new_workspace(tmp_path / "fresh", **LENIENT))
    shutil.copytree(workspace.lake.root, fresh.workspace.lake.root)
    found = GoldWorkspace(workspace)

    killed_before(terminal, "gold/fact_payments")
    assert found.rows("fact_orders")
    assert not found.rows("fact_payments")

    killed_before(terminal, "ops/runs")  # while it finishes the first
    assert found.rows("fact_payments")
    assert workspace.lake.gold_journal.exists()
    assert not Path(workspace.lake.runs.path, "_delta_log").exists()

    last = GoldRun(spark, workspace.settings, workspace.registry).run(LAST)
    assert (last.run_number, last.status, last.dates_built) == (2, "unchanged", ())
    assert runs(workspace) == [(1, "published"), (2, "unchanged")]
    assert fresh.run(spark, str(LAST)).status == "published"
    assert found.content() == fresh.content()
    assert not workspace.lake.gold_journal.exists()


def runs(workspace: Workspace) -> list[tuple[int, str]]:
    rows = DeltaTable(workspace.lake.runs.path).to_pyarrow_table(columns=["run_number", "status"]).to_pylist()
    return sorted((row["run_number"], row["status"]) for row in rows)
