"""The note of how a stream stands: written by the stream, read by whoever asks, and never in anyone's way.

Covers: spark_jobs.microbatch.stream_state.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from spark_jobs.lake import Lake
from spark_jobs.microbatch.stream_state import BatchProgress, QueryState, read_stream_state, write_stream_state

if TYPE_CHECKING:
    from pathlib import Path

SINCE = datetime(2026, 1, 5, 10, tzinfo=UTC)
RETRYING = QueryState("orders", "refine", "retrying", SINCE, 7, "OSError: no room")
GIVEN_UP = QueryState("orders", "ingest", "given_up", SINCE, 5, "OSError: no room")


def test_a_note_reads_back_as_it_was_written(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_stream_state(lake, "orders", [RETRYING, GIVEN_UP])
    write_stream_state(lake, "orders", [RETRYING, GIVEN_UP])
    assert read_stream_state(lake, "orders", streaming=True) == (RETRYING, GIVEN_UP)


def test_of_a_stream_that_does_not_run_only_what_was_given_up_is_told(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_stream_state(lake, "orders", [RETRYING, GIVEN_UP])
    assert read_stream_state(lake, "orders", streaming=False) == (GIVEN_UP,)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"queries": [{}]}', '{"queries": 1}'])
def test_a_note_that_a_power_cut_has_halved_says_nothing(tmp_path: Path, text: str) -> None:
    lake = Lake(tmp_path)
    write_stream_state(lake, "orders", [RETRYING])
    lake.stream_state("orders").write_text(text)
    assert read_stream_state(lake, "orders", streaming=True) == ()


def test_there_is_no_note_before_there_was_a_stream_and_none_on_a_disk_that_refuses_it(tmp_path: Path) -> None:
    assert read_stream_state(Lake(tmp_path), "orders", streaming=True) == ()
    (tmp_path / "_stream").write_text("a file where the folder should be")
    write_stream_state(Lake(tmp_path), "orders", [RETRYING])


def test_the_problem_says_since_when_why_and_what_becomes_of_it() -> None:
    assert RETRYING.problem == (
        "refine stands still since 2026-01-05 10:00:00 UTC, after 7 failures: OSError: no room; it is tried again and again"
    )
    assert GIVEN_UP.problem is not None
    assert GIVEN_UP.problem.endswith("given up: start the stream again")
    assert QueryState("orders", "refine", "running").problem is None
    assert QueryState("orders", "refine", "stopped", SINCE).problem is None


def test_a_batch_is_at_one_step_at_a_time_and_at_none_between_batches() -> None:
    progress = BatchProgress()
    assert progress.current is None
    progress.begin(4)
    progress.step("judge")
    assert progress.current is not None
    assert progress.current[:2] == (4, "judge")
    progress.end()
    assert progress.current is None
