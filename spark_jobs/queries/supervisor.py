"""Supervise the queries of a stream: start again one that fails, name one that stands still, and end all when asked.

No subject is given up for good: after RETRY_ATTEMPTS quick attempts it is tried again every RETRY_LONGEST_WAIT, unless
RETRY_GIVE_UP says otherwise, or the stream is to drain what is there and end (``--once``).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError, Py4JJavaError

from spark_jobs.errors import NotStoppedError, StreamFailedError
from spark_jobs.microbatch.spark_notes import repair_notes
from spark_jobs.microbatch.stream_state import BatchProgress, QueryState, now
from spark_jobs.queries.spark_failures import cause, silence

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

    from config.groups import Retry

log = logging.getLogger("tallylake.stream")
# A Spark that is gone is said in one sentence; py4j would log the stack of every call that it no longer answers.
logging.getLogger().addFilter(lambda record: record.msg != "Exception while sending command.")

POLL_SECONDS = 0.05
#: Seconds between two questions to Spark about what a query without a batch is doing.
LOOK_SECONDS = 1.0


@dataclass(slots=True)
class Job:
    """One query of one subject: how to start it, the running query, and its failures so far.

    ``rows``: called at each start, as Spark may fail already when it lists what they are read from.
    """

    subject: str
    name: str
    rows: Callable[[], DataFrame]
    write: Callable[[DataFrame, int], None]
    checkpoint: str
    interval: timedelta
    progress: BatchProgress
    query: StreamingQuery | None = None
    failures: int = 0
    retry_at: float = 0.0
    state: QueryState = field(init=False)
    drained: bool = False
    planning: tuple[str, float] = ("", 0.0)
    looked_at: float = 0.0

    def __post_init__(self) -> None:
        self.state = QueryState(self.subject, self.name, "running")

    @property
    def given_up(self) -> bool:
        """True if nothing more is tried."""
        return self.state.state == "given_up"


class Supervisor:
    """Looks after some queries until all have ended or a stop is asked for. ``note`` is called whenever a state has changed."""

    def __init__(
        self,
        retry: Retry,
        stalled_after: timedelta,
        patience: timedelta,
        stop: threading.Event,
        note: Callable[[Sequence[Job]], None],
    ) -> None:
        self._retry, self._stop, self._note = retry, stop, note
        self._stalled_after, self._patience = stalled_after.total_seconds(), patience.total_seconds()

    def watch(self, jobs: Sequence[Job], *, once: bool) -> None:
        """Start the queries and restart those that fail, until all is done or a stop is asked for.

        StreamFailedError names what was given up, what could not be stopped in time, or that Spark itself has gone.
        """
        unstopped: list[Job] = []
        try:
            self._until_done(jobs, once=once)
        except (Py4JError, ConnectionError) as error:
            raise StreamFailedError(
                "Spark has ended under the stream, killed or out of memory (DRIVER_MEMORY): start it again, "
                "and it goes on where it was"
            ) from error
        finally:
            unstopped = self._end(jobs)
        self._raise_if_unfinished(jobs, unstopped)

    def _until_done(self, jobs: Sequence[Job], *, once: bool) -> None:
        noted: list[QueryState] = []
        while not self._stop.is_set():
            running = [self._tend(job, once=once) for job in jobs]
            if (states := [job.state for job in jobs]) != noted:
                self._note(jobs)
                noted = states
            if not any(running):
                break
            self._stop.wait(POLL_SECONDS)

    def _tend(self, job: Job, *, once: bool) -> bool:
        """Look after one query; return False once it is drained or given up."""
        if job.given_up or job.drained:
            return False
        if job.query is None:
            if time.monotonic() >= job.retry_at:
                return self._try_to_start(job, once=once)
            return True
        if job.query.isActive:
            self._look_for_a_stall(job)
            return True
        failure = job.query.exception()
        job.query = None
        job.progress.end()
        if failure is None:
            job.drained = once
            return False if once else self._note_failure(job, "the query ended by itself", once=once)
        log.debug("%s %s: %s", job.subject, job.name, failure)
        return self._note_failure(job, cause(str(failure)), once=once)

    def _try_to_start(self, job: Job, *, once: bool) -> bool:
        """Start a query. One that cannot be started, as over a damaged checkpoint, fails like any other and stops no other."""
        try:
            job.query = self._start(job, once=once)
        except (Py4JError, ConnectionError) as error:
            if not isinstance(error, Py4JJavaError):  # no answer of Spark's: it has gone
                raise
            return self._note_failure(job, cause(str(error)), once=once)
        except Exception as error:
            return self._note_failure(job, cause(str(error)), once=once)
        return True

    def _start(self, job: Job, *, once: bool) -> StreamingQuery:
        def write(rows: DataFrame, batch_id: int) -> None:
            job.progress.begin(batch_id)
            job.write(rows, batch_id)
            job.progress.end()
            self._note_success(job)

        for message in repair_notes(Path(job.checkpoint)):
            log.warning("%s %s: %s", job.subject, job.name, message)
        writer = job.rows().writeStream.foreachBatch(write).option("checkpointLocation", job.checkpoint)
        writer = writer.queryName(f"{job.subject}/{job.name}")
        if once:
            return writer.trigger(availableNow=True).start()
        return writer.trigger(processingTime=f"{int(job.interval.total_seconds() * 1000)} milliseconds").start()

    def _note_success(self, job: Job) -> None:
        """Count no failures any more: only those in a row matter."""
        if job.failures:
            log.info("%s %s: works again after %d failures", job.subject, job.name, job.failures)
        job.failures = 0
        job.state = QueryState(job.subject, job.name, "running")

    def _note_failure(self, job: Job, why: str, *, once: bool) -> bool:
        """Log the failure, and when the query is tried again; return False where it is given up."""
        job.failures += 1
        since = job.state.since if job.state.failures else now()
        gives_up = job.failures >= self._retry.attempts and (once or self._retry.give_up == "on")
        state = "given_up" if gives_up else "retrying"
        job.state = QueryState(job.subject, job.name, state, since, job.failures, why)  # type: ignore[arg-type]
        if gives_up:
            log.error("%s %s: given up after %d failures: %s", job.subject, job.name, job.failures, why)
            return False
        wait = self._wait(job.failures)
        job.retry_at = time.monotonic() + wait
        level = logging.WARNING if job.failures < self._retry.attempts else logging.ERROR
        log.log(level, "%s %s: failed %d times, again in %.0f s: %s", job.subject, job.name, job.failures, wait, why)
        return True

    def _wait(self, failures: int) -> float:
        """Return the seconds until the next attempt: doubled from RETRY_FIRST_WAIT; after RETRY_ATTEMPTS always the longest."""
        longest = self._retry.longest_wait.total_seconds()
        if failures >= self._retry.attempts:
            return longest
        return float(min(self._retry.first_wait.total_seconds() * 2 ** (failures - 1), longest))

    def _look_for_a_stall(self, job: Job) -> None:
        """Name a batch, or Spark's planning of one, that has been at the same step for too long; once for each."""
        step = job.progress.current
        at = time.monotonic()
        if step is not None:
            job.planning = ("", at)
        name, since, batch_id = (step.name, step.since, step.batch_id) if step else (*self._planning(job, at), None)
        stalled = bool(name) and at - since >= self._stalled_after
        if stalled and job.state.state != "stalled":
            job.state = replace(job.state, state="stalled", since=now(), batch_id=batch_id, step=name)
            log.error("%s %s: %s", job.subject, job.name, job.state.problem)
        elif not stalled and job.state.state == "stalled":
            log.info("%s %s: goes on", job.subject, job.name)
            failing = replace(job.state, state="retrying", batch_id=None, step="")
            job.state = failing if job.failures else QueryState(job.subject, job.name, "running")

    def _planning(self, job: Job, at: float) -> tuple[str, float]:
        """Return Spark's own status between two batches, and since when it is the same; "" while it waits for data."""
        if at - job.looked_at >= LOOK_SECONDS and job.query is not None:
            job.looked_at = at
            status = job.query.status
            said = str(status["message"]) if status["isTriggerActive"] else ""
            if said != job.planning[0]:
                job.planning = (said, at)
        return job.planning

    def _end(self, jobs: Sequence[Job]) -> list[Job]:
        """Let the batches under way finish, all within STOP_PATIENCE, and end the queries; returns those that would not end."""
        until = time.monotonic() + self._patience
        with ThreadPoolExecutor(max(1, len(jobs))) as together:
            ended = together.map(lambda job: _ended(job, until), jobs)
            unstopped = [job for job, done in zip(jobs, ended, strict=True) if not done]
        for job in jobs:
            if not job.given_up and job not in unstopped:
                job.state = QueryState(job.subject, job.name, "stopped")
        self._note(jobs)
        return unstopped

    def _raise_if_unfinished(self, jobs: Sequence[Job], unstopped: Sequence[Job]) -> None:
        lost = [f"{job.subject} {job.name}: {job.state.error}" for job in jobs if job.given_up]
        if lost:
            raise StreamFailedError(f"given up after {self._retry.attempts} attempts: {'; '.join(lost)}")
        if unstopped:
            silence()
            named = "; ".join(f"{job.subject} {job.name} {_position(job)}" for job in unstopped)
            raise NotStoppedError(
                f"not all of the stream could be stopped within STOP_PATIENCE: {named}; "
                "what was prepared is finished with the next start"
            )


def _ended(job: Job, until: float) -> bool:
    """End a query once its batch is over, or the time is; return True if it has ended."""
    try:
        if job.query is None or not job.query.isActive:
            return True
        while job.query.isActive and job.query.status["isTriggerActive"] and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        job.query.stop()
    except (Py4JError, ConnectionError) as error:
        if not isinstance(error, Py4JJavaError):  # Spark has gone, and its queries with it
            return True
        log.error("%s %s: does not end: %s", job.subject, job.name, cause(str(error)))
        return False
    except Exception as error:  # Spark's own time for ending a query is over
        log.error("%s %s: does not end: %s", job.subject, job.name, cause(str(error)))
        return False
    return True


def _position(job: Job) -> str:
    step = job.progress.current
    return f"is in batch {step.batch_id} at '{step.name}'" if step else "has no batch under way"
