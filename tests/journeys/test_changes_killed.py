"""kill -9 between the appends, the merge and the history write; and at random while six subjects stream at once.

Covers: spark_jobs.batch.audit.against_truth, spark_jobs.batch.audit.changes.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from support.processes import Terminal, java_of, kill_session

SHOP = ("customers", "products", "orders", "order_items", "payments")
SIX = ("ecommerce_events", *SHOP)
DIES_AT = Path(__file__).parents[1] / "support" / "killed_at_commit.py"
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
        killed = terminal.run(sys.executable, str(DIES_AT), table, "stream", "products", "--once")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    drained = terminal.run(*terminal.tally("stream", "products", "--once"))
    assert drained.returncode == 0, drained.stderr
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
    generator = terminal.start(*command, log="generator.out")
    try:
        for round_ in range(ROUNDS):
            before = terminal.batches()
            stream = terminal.start(*terminal.tally("stream"), log="stream.out")
            try:
                terminal.wait_for_batches(before + 8, stream)
                time.sleep(chance.uniform(0.0, 1.5))
                os.kill(java_of(stream) if round_ % 2 else stream.pid, signal.SIGKILL)
                assert stream.wait(timeout=60) != 0
            finally:
                kill_session(stream)
        generator.send_signal(signal.SIGTERM)
        assert generator.wait(timeout=60) == 0
    finally:
        kill_session(generator)
    drained = terminal.run(*terminal.tally("stream", "--once"))
    assert drained.returncode == 0, drained.stderr
    for found in terminal.audits(*SIX, manifest=manifests):
        assert found["balanced"], found
        assert (found["waiting"], found["files_waiting"], found["readings"]) == (0, 0, 1)
        assert found["manifest"]["wrong"] == 0
        assert found["manifest"]["rows"] == found["bronze"] > 0
