"""kill -9 of the JVM and of Python at random moments, round after round; then every row is accounted for, once.

Covers: spark_jobs.__main__, spark_jobs.cli.audit, spark_jobs.cli.generate, spark_jobs.render.audit,
spark_jobs.render.generate, spark_jobs.batch.audit.run, spark_jobs.batch.audit.against_manifest,
spark_jobs.microbatch.exactly_once.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.processes import Terminal, java_of, kill_session

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 3


@pytest.mark.journey
def test_rows_are_counted_once_whoever_is_killed_whenever(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    chance = random.Random(20260129)
    generator = terminal.start(*terminal.generate(every=0.4), log="generator.out")
    try:
        for round_ in range(ROUNDS):
            before = terminal.batches()
            stream = terminal.start(*terminal.tally("stream", "ecommerce_events"), log="stream.out")
            try:
                terminal.wait_for_batches(before + 1, stream)
                time.sleep(chance.uniform(0.0, 1.5))
                os.kill(java_of(stream) if round_ % 2 else stream.pid, signal.SIGKILL)
                assert stream.wait(timeout=60) != 0
            finally:
                kill_session(stream)
        generator.send_signal(signal.SIGTERM)
        assert generator.wait(timeout=60) == 0
    finally:
        kill_session(generator)
    drained = terminal.run(*terminal.tally("stream", "ecommerce_events", "--once"))
    assert drained.returncode == 0, drained.stderr
    found = terminal.audit()
    assert found["balanced"], found["findings"]
    assert (found["waiting"], found["files_waiting"], found["readings"]) == (0, 0, 1)
    assert found["manifest"]["wrong"] == 0
    assert found["manifest"]["rows"] == found["bronze"] > 2_000
