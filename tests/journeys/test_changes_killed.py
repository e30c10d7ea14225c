"""kill -9 between the appends, the merge and the history write; and at random while six subjects stream at once.

Covers: spark_jobs.batch.audit.against_truth, spark_jobs.batch.audit.changes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.processes import Terminal

if TYPE_CHECKING:
    from pathlib import Path

SHOP = ("customers", "products", "orders", "order_items", "payments")
SIX = ("ecommerce_events", *SHOP)
ROUNDS = 2


def days(terminal: Terminal, subject: str, count: int) -> None:
    small = ("--customers", "60", "--products", "40", "--orders", "300", "--every", "0", "--seed", "5")
    done = terminal.run(
        *terminal.tally("generate", subject, "--files", str(count), *small, "--manifest", str(terminal.manifest))
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.journey
def test_a_batch_of_changes_killed_before_each_of_its_commits_comes_to_the_same_rows_and_history(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path)
    for table in ("silver/products_changes", "silver/products", "gold/dim_product", "ops/batch_quality"):
        days(terminal, "products", 4)
        terminal.run_killed_at_commit(table, "stream", "products", "--once")
    terminal.stream_to_the_end("products")
    found = terminal.audit("products")
    assert found["balanced"], found["findings"]
    assert (found["waiting"], found["files_waiting"], found["readings"]) == (0, 0, 1)
    assert found["manifest"]["wrong"] == 0
    assert found["manifest"]["rows"] == found["bronze"] > 40


@pytest.mark.journey
def test_six_subjects_stream_at_once_and_each_row_and_key_comes_out_right_whoever_is_killed(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    chance = random.Random(20261126)
    manifests = tmp_path / "manifests"
    small = ("--customers", "60", "--products", "40", "--orders", "600", "--seed", "5", "--rows", "50")
    command = terminal.tally("generate", *SIX, "--every", "0.5", *small, "--manifest", str(manifests))
    terminal.generate_while_streams_are_killed(
        command, terminal.tally("stream"), rounds=ROUNDS, batches=8, chance=chance
    )
    terminal.stream_to_the_end()
    for found in terminal.audits(*SIX, manifest=manifests):
        assert found["balanced"], found
        assert (found["waiting"], found["files_waiting"], found["readings"]) == (0, 0, 1)
        assert found["manifest"]["wrong"] == 0
        assert found["manifest"]["rows"] == found["bronze"] > 0
