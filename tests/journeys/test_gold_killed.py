"""kill -9 in the midst of a gold run's commits, and of the next one as it finishes them, before the first is on record."""

from __future__ import annotations

import shutil
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from support.gold_lake import GoldHouse
from support.lakes import House, house
from support.processes import Town

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.run import write_shop
from spark_jobs.batch.gold.run import GoldRun

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DIES_AT = Path(__file__).parents[1] / "support" / "killed_at_commit.py"
LAST = date(2026, 2, 28)
START = datetime(2026, 1, 20, tzinfo=UTC)
#: Nothing is held back: every date is published, or not yet.
LENIENT: dict[str, Any] = {"GATE_TOTALS_TOLERANCE": "1", "GATE_VOLUME_TOLERANCE": "1"}


def shop(spark: SparkSession, root: Path) -> House:
    """A few days of a small shop, streamed."""
    home = house(root, **LENIENT)
    write_shop(root / "made", files=4, customers=20, products=10, orders=120, seed=5, start=START)
    (root / "made" / "landing").rename(home.landing)
    home.drain(spark, *SHOP_SUBJECTS)
    return home


def killed_before(town: Town, table: str) -> None:
    done = town.run(sys.executable, str(DIES_AT), table, "gold", "run", "--date", str(LAST))
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.journey
def test_a_gold_run_killed_between_its_commits_is_finished_by_the_next_and_is_on_record_once(
    spark: SparkSession, tmp_path: Path
) -> None:
    home, town = shop(spark, tmp_path), Town(tmp_path, LENIENT)
    fresh = GoldHouse(house(tmp_path / "fresh", **LENIENT))
    shutil.copytree(home.lake.root, fresh.home.lake.root)
    found = GoldHouse(home)

    killed_before(town, "gold/fact_payments")
    assert found.rows("fact_orders")
    assert not found.rows("fact_payments")

    killed_before(town, "ops/runs")  # while it finishes the first
    assert found.rows("fact_payments")
    assert home.lake.gold_journal.exists()
    assert not Path(home.lake.runs.path, "_delta_log").exists()

    last = GoldRun(spark, home.settings, home.registry).run(LAST)
    assert (last.run_number, last.status, last.dates_built) == (2, "unchanged", ())
    assert runs(home) == [(1, "published"), (2, "unchanged")]
    assert fresh.run(spark, str(LAST)).status == "published"
    assert found.content() == fresh.content()
    assert not home.lake.gold_journal.exists()


def runs(home: House) -> list[tuple[int, str]]:
    rows = DeltaTable(home.lake.runs.path).to_pyarrow_table(columns=["run_number", "status"]).to_pylist()
    return sorted((row["run_number"], row["status"]) for row in rows)
