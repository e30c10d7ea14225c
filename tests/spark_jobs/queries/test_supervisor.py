"""Watching over queries: what fails is tried again and again, what stands still is named, a stop ends in bounded time.

The queries are played by objects of a few lines: what Spark makes of a batch is not the point here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from py4j.protocol import Py4JError

from config.groups import Retry
from spark_jobs.errors import NotStoppedError, StreamFailedError
from spark_jobs.microbatch.stream_state import BatchProgress, QueryState
from spark_jobs.queries.supervisor import Job, Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = Retry(attempts=3, first_wait=timedelta(milliseconds=1), longest_wait=timedelta(milliseconds=2))


@dataclass
class Query:
    """A streaming query: it has failed with a sentence, or has ended, or still runs; and it may refuse to be stopped."""

    failure: str | None = None
    isActive: bool = False  # noqa: N815
    busy: bool = False
    endless: bool = False
    says: str = "Waiting for data to arrive"
    batch: int | None = None

    def exception(self) -> str | None:
        return self.failure

    @property
    def status(self) -> dict[str, Any]:
        return {"isTriggerActive": self.busy, "message": self.says}

    def stop(self) -> None:
        if self.endless:
            raise TimeoutError("Error: the stream thread failed to stop within 20000 milliseconds")
        self.isActive = False


@dataclass
class Rows:
    """A stream of rows whose starts give these queries (or raise these errors), one after the other, the last for ever."""

    starts: list[Query | Exception]
    started: int = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self

    @property
    def writeStream(self) -> Rows:  # noqa: N802
        return self

    def foreachBatch(self, write: Any) -> Rows:  # noqa: N802
        self.write = write
        return self

    def start(self) -> Query:
        found = self.starts[min(self.started, len(self.starts) - 1)]
        self.started += 1
        if isinstance(found, Exception):
            raise found
        if found.batch is not None:
            self.write(None, found.batch)
        return found


@dataclass
class Watched:
    """A supervisor over some queries, and every state that it noted."""

    retry: Retry = QUICK
    stalled_after: timedelta = timedelta(hours=1)
    patience: timedelta = timedelta(0)
    stop: threading.Event = field(default_factory=threading.Event)
    noted: list[list[QueryState]] = field(default_factory=list)
    until: Any = None

    def note(self, jobs: Sequence[Job]) -> None:
        self.noted.append([job.state for job in jobs])
        if self.until is not None and self.until(jobs):
            self.stop.set()

    def watch(self, *jobs: Job, once: bool = False) -> None:
        Supervisor(self.retry, self.stalled_after, self.patience, self.stop, self.note).watch(jobs, once=once)

    @property
    def states(self) -> list[tuple[str, ...]]:
        return [tuple(state.state for state in states) for states in self.noted]


def job(*starts: Query | Exception, name: str = "orders") -> Job:
    rows: Any = Rows(list(starts))
    return Job(name, "refine", lambda: rows, lambda rows, batch_id: None, "checkpoint", timedelta(0), BatchProgress())


def failing(why: str = "IOError: no room") -> Query:
    return Query(failure=why)


def test_a_subject_that_keeps_failing_is_tried_for_ever_and_the_others_go_on() -> None:
    broken, sound = job(failing()), job(Query(isActive=True), name="products")
    watched = Watched(until=lambda jobs: jobs[0].failures >= 20)
    watched.watch(broken, sound)
    assert broken.failures >= 20
    assert not broken.given_up
    assert ("retrying", "running") in watched.states
    assert watched.states[-1] == ("stopped", "stopped")


def test_a_folder_that_cannot_be_listed_stops_its_own_subject_alone_and_only_until_it_can_be() -> None:
    shut, sound = job(Query(isActive=True, batch=0)), job(Query(isActive=True), name="products")
    rows, asked = shut.rows, []

    def listed() -> Any:
        asked.append(1)
        if len(asked) < 3:
            raise PermissionError("/data/input/orders/shut: Permission denied")
        return rows()

    shut.rows = listed
    watched = Watched(until=lambda jobs: len(asked) >= 3)
    watched.watch(shut, sound)
    assert ("retrying", "running") in watched.states
    errors = {states[0].error for states in watched.noted if states[0].state == "retrying"}
    assert errors == {"/data/input/orders/shut: Permission denied"}
    assert len(asked) == 3


def test_after_the_quick_attempts_the_wait_is_always_the_longest() -> None:
    supervisor = Supervisor(
        Retry(attempts=4, first_wait=timedelta(seconds=1), longest_wait=timedelta(seconds=60)),
        timedelta(1), timedelta(0), threading.Event(), lambda jobs: None,
    )  # fmt: skip
    assert [supervisor._wait(failures) for failures in (1, 2, 3, 4, 5, 50)] == [1, 2, 4, 60, 60, 60]


@pytest.mark.parametrize(("give_up", "once"), [("on", False), ("off", True)])
def test_it_is_given_up_where_the_setting_says_so_or_a_drain_has_to_end(give_up: Any, once: bool) -> None:
    broken, done = job(failing("ValueError: not a row")), job(Query(), name="products")
    retry = Retry(attempts=3, first_wait=timedelta(0), longest_wait=timedelta(0), give_up=give_up)
    watched = Watched(retry, until=lambda jobs: jobs[0].given_up)
    with pytest.raises(StreamFailedError, match="given up after 3 attempts: orders refine: ValueError: not a row"):
        watched.watch(broken, done, once=once)
    assert watched.noted[-1][0].state == "given_up"
    assert "given up: start the stream again" in str(watched.noted[-1][0].problem)


def test_what_stands_still_keeps_since_when_through_all_its_failures() -> None:
    broken = job(failing())
    watched = Watched(until=lambda jobs: jobs[0].failures >= 5)
    watched.watch(broken)
    since = {states[0].since for states in watched.noted if states[0].state == "retrying"}
    assert len(since) == 1
    assert None not in since


def test_a_success_ends_the_count_of_failures(caplog: pytest.LogCaptureFixture) -> None:
    mended = job(failing(), failing(), Query(isActive=True, batch=7))
    watched: Watched = Watched(until=lambda jobs: len(watched.noted) > 2 and jobs[0].failures == 0)
    with caplog.at_level("INFO"):
        watched.watch(mended)
    assert watched.states == [("running",), ("retrying",), ("retrying",), ("running",), ("stopped",)]
    assert mended.failures == 0
    assert "works again after 2 failures" in caplog.text


def test_a_query_that_cannot_be_started_fails_like_any_other_and_takes_none_with_it() -> None:
    broken = job(ValueError("Error: the checkpoint's metadata cannot be read"))
    sound = job(Query(isActive=True), name="products")
    watched = Watched(until=lambda jobs: jobs[0].failures >= 4)
    watched.watch(broken, sound)
    assert ("retrying", "running") in watched.states
    assert "metadata cannot be read" in str(watched.noted[-2][0].problem)


@pytest.mark.parametrize("error", [Py4JError("An error occurred while calling o7.start"), ConnectionRefusedError("x")])
def test_a_spark_that_has_gone_ends_the_stream_with_a_sentence(error: Exception) -> None:
    with pytest.raises(StreamFailedError, match=r"Spark has ended under the stream.*start it again"):
        Watched().watch(job(error))


def test_a_batch_that_stays_at_one_step_is_named_with_it_and_named_again_when_it_goes_on() -> None:
    stuck = job(Query(isActive=True, busy=True))
    watched = Watched(stalled_after=timedelta(milliseconds=30))
    stuck.progress.begin(7)
    stuck.progress.step("merge")

    def goes_on(jobs: Sequence[Job]) -> bool:
        if jobs[0].state.state == "stalled":
            stuck.progress.end()
            return False
        return len(watched.noted) > 1

    watched.until = goes_on
    watched.watch(stuck)
    stalled = watched.noted[1][0]
    assert (stalled.state, stalled.batch_id, stalled.step) == ("stalled", 7, "merge")
    assert "batch 7 is at 'merge' and makes no progress" in str(stalled.problem)
    assert watched.states == [("running",), ("stalled",), ("running",), ("stopped",)]


def test_a_query_that_had_failed_and_stalled_and_goes_on_still_says_since_when_and_why_it_fails() -> None:
    stuck = job(failing("IOError: no room"), Query(isActive=True, busy=True))
    watched = Watched(stalled_after=timedelta(milliseconds=30))

    def goes_on(jobs: Sequence[Job]) -> bool:
        if jobs[0].state.state == "stalled":
            stuck.progress.end()
            return False
        if jobs[0].failures and jobs[0].query is None:
            stuck.progress.begin(7)
        return [states[0] for states in watched.states][-2:] == ["stalled", "retrying"]

    watched.until = goes_on
    watched.watch(stuck)
    (state,) = watched.noted[-2]
    assert (state.state, state.step, state.failures) == ("retrying", "", 1)
    assert "after 1 failures: IOError: no room" in str(state.problem)


def test_spark_that_never_gets_to_a_batch_is_named_with_what_it_says_that_it_does() -> None:
    listing = job(Query(isActive=True, busy=True, says="Getting offsets from FileStreamSource[file:/input]"))
    watched = Watched(
        stalled_after=timedelta(milliseconds=30), until=lambda jobs: jobs[0].state.state == "stalled"
    )  # fmt: skip
    watched.watch(listing)
    assert "at 'Getting offsets from FileStreamSource" in str(watched.noted[-2][0].problem)


def test_a_stop_ends_in_time_though_a_batch_hangs_and_says_where_it_hangs() -> None:
    hung, sound = job(Query(isActive=True, busy=True, endless=True)), job(Query(isActive=True), name="products")
    hung.progress.begin(3)
    hung.progress.step("commit")
    watched = Watched(patience=timedelta(milliseconds=50), until=lambda jobs: True)
    begun = time.monotonic()
    with pytest.raises(
        NotStoppedError, match=r"STOP_PATIENCE: orders refine is in batch 3 at 'commit'; what was prepared"
    ):
        watched.watch(hung, sound)
    assert time.monotonic() - begun < 30
    assert sound.query is not None
    assert not sound.query.isActive


def test_a_batch_that_ends_within_the_patience_is_let_finish() -> None:
    query = Query(isActive=True, busy=True)
    finishing = job(query)
    stops: list[bool] = []
    query.stop = lambda: stops.append(query.busy)  # type: ignore[method-assign]
    watched = Watched(patience=timedelta(seconds=60), until=lambda jobs: True)
    threading.Timer(0.1, lambda: setattr(query, "busy", False)).start()
    watched.watch(finishing)
    assert stops == [False]
