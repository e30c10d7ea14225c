"""The two terminals, for real: a generator in one, spark-submit in the other.

Covers: spark_jobs.stream, spark_jobs.cli.stream, spark_jobs.render.stream, spark_jobs.queries.signals.
"""

from __future__ import annotations

import re
import signal
import stat
from typing import TYPE_CHECKING

import pytest
from support.open_ports import beyond_this_machine, ports_of_session
from support.processes import Terminal, kill_session

if TYPE_CHECKING:
    from pathlib import Path

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| (INFO|WARNING|ERROR) {0,4} \|  \S.*")


@pytest.mark.journey
def test_spark_submit_takes_what_a_generator_drops_and_stops_cleanly_on_sigterm(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    stream = terminal.start(*terminal.submit("ecommerce_events"), log="stream.out")
    generator = terminal.start(*terminal.generate(every=0.5), log="generator.out")
    try:
        terminal.wait_for_batches(3, stream)
        ports = ports_of_session(stream.pid)
        assert ports
        assert beyond_this_machine(ports) == []
        assert ports_of_session(generator.pid) == []
        second = terminal.run(*terminal.tally("stream", "ecommerce_events", "--once"))
        assert second.returncode == 2
        assert "already being streamed" in second.stderr
        generator.send_signal(signal.SIGTERM)
        assert generator.wait(timeout=60) == 0
        stream.send_signal(signal.SIGTERM)
        assert stream.wait(timeout=60) == 0
    finally:
        kill_session(generator)
        kill_session(stream)
    # spark-submit's Java began with whatever modes its starter has; the doors are shut all the same.
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("lake", "logs")] == [0o700, 0o700]
    drained = terminal.run(*terminal.tally("stream", "ecommerce_events", "--once"))
    assert drained.returncode == 0, drained.stderr
    found = terminal.audit()
    assert found["balanced"], found["findings"]
    assert (found["waiting"], found["files_waiting"]) == (0, 0)
    assert found["manifest"]["wrong"] == 0
    assert found["manifest"]["rows"] == found["bronze"] > 300
    assert "stopped after a whole batch" in terminal.log("spark_streaming")
    for name in ("spark_streaming", "data_generator"):
        assert all(LOG_LINE.fullmatch(line) for line in terminal.log(name).splitlines()), terminal.log(name)
