"""kill -9 of the JVM and of Python at random moments, round after round; then every row is accounted for, once.

Covers: spark_jobs.__main__, spark_jobs.cli.audit, spark_jobs.cli.generate, spark_jobs.render.audit,
spark_jobs.render.generate, spark_jobs.batch.audit.run, spark_jobs.batch.audit.against_manifest,
spark_jobs.microbatch.exactly_once.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.processes import Terminal

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 3


@pytest.mark.journey
def test_rows_are_counted_once_whoever_is_killed_whenever(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    chance = random.Random(20260129)
    terminal.generate_while_streams_are_killed(
        terminal.generate(every=0.4),
        terminal.tally("stream", "ecommerce_events"),
        rounds=ROUNDS,
        batches=1,
        chance=chance,
    )
    terminal.stream_to_the_end("ecommerce_events")
    found = terminal.audit()
    assert found["balanced"], found["findings"]
    assert (found["waiting"], found["files_waiting"], found["readings"]) == (0, 0, 1)
    assert found["manifest"]["wrong"] == 0
    assert found["manifest"]["rows"] == found["bronze"] > 2_000
