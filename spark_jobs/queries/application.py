"""The streaming application: two queries a subject, watched over, each failing and recovering by itself."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, StreamingQueryException
from pyspark.sql import functions as F

from schema_registry import lock as fingerprints
from spark_jobs.errors import RuleError, StreamFailedError
from spark_jobs.lake import Lake
from spark_jobs.queries.ingest import Ingest, IngestReport
from spark_jobs.queries.lock import sole_writer
from spark_jobs.queries.refine import Books, Policy, Refine, judged_stream
from spark_jobs.queries.streaming_session import streaming_session
from spark_jobs.sinks.commit import ensure_table
from spark_jobs.sinks.swap import finish_swap
from spark_jobs.sources.landing import landing_stream

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from config.settings import Settings
    from schema_registry.registry import Registry, Subject

log = logging.getLogger("tallylake.stream")
# PySpark logs a refused expression with its whole stack; the one sentence of RuleError says what matters.
logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)

#: Bronze is compressed: this much of it makes a refine batch of about a million rows.
REFINE_BYTES = 96 * 1024 * 1024
#: Refine waits for no trigger: what has landed is judged as soon as the batch before it is done.
AT_ONCE = timedelta(0)
POLL_SECONDS = 0.05
#: How long a batch that is under way may take to finish once a stop was asked for.
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of each batch."""

    landed: Callable[[IngestReport], None]
    refined: Callable[[Books], None]


@dataclass(slots=True)
class _Job:
    """One query of one subject: how to start it, the running query, and its failures so far."""

    subject: str
    name: str
    rows: DataFrame
    write: Callable[[DataFrame, int], None]
    checkpoint: str
    every: timedelta
    query: StreamingQuery | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""
    given_up: bool = False
    drained: bool = False


class Application:
    """Streams some subjects of a registry into a lake until told to stop, or until what is there has been drained."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        registry: Registry,
        subjects: Sequence[str],
        listener: Listener,
        stop: threading.Event,
        lake: Lake | None = None,
    ) -> None:
        self._spark, self._settings, self._registry = streaming_session(spark), settings, registry
        self._subjects = [registry.subject(name) for name in subjects]
        self._lake = lake or Lake(settings.lake.root.resolve())
        self._listener, self._stop = listener, stop
        self._judged: dict[str, DataFrame] = {}

    def run(self, *, once: bool) -> None:
        """Stream. ``once``: drain what has landed and return. StreamFailedError names the subjects that were given up."""
        with ExitStack() as locks:
            for subject in self._subjects:
                locks.enter_context(sole_writer(self._lake.lock(subject.name), subject.name))
                if finish_swap(self._lake, subject.name) is not None:
                    log.warning(
                        "%s: a rebuild was interrupted while it swapped tables; that is now finished", subject.name
                    )
            for subject in self._subjects:
                self._prepare(subject)
            if once:
                for kind in (self._ingest, self._refine):
                    self._watch([kind(subject) for subject in self._subjects], once=True)
            else:
                self._watch([kind(s) for s in self._subjects for kind in (self._ingest, self._refine)], once=False)

    def refine_alone(self, until: datetime | None = None) -> None:
        """Judge what Bronze holds (of rows ingested before ``until`` only, where it is given) and return; nothing is landed.

        For a lake of which no one else writes any table but Bronze: no lock is taken, and no contract is published.
        """
        for subject in self._subjects:
            for table in self._lake.judged(subject):
                ensure_table(table)
            judged = self._judged_stream(subject)
            self._judged[subject.name] = judged if until is None else judged.where(F.col("ingested_at") < F.lit(until))
        self._watch([self._refine(subject) for subject in self._subjects], once=True)

    def _prepare(self, subject: Subject) -> None:
        """Have the subject's tables, see that Spark can judge by its contract, and publish the contract."""
        for table in (self._lake.bronze(subject), self._lake.files, *self._lake.judged(subject)):
            ensure_table(table)
        self._judged[subject.name] = self._judged_stream(subject)
        publish(self._registry, subject)

    @property
    def _policy(self) -> Policy:
        quality = self._settings.data_quality
        return Policy(quality.watermark_delay, quality.allowed_clock_skew, quality.late_policy == "dead_letter")

    def _ingest(self, subject: Subject) -> _Job:
        landing = self._settings.lake.landing
        rows = landing_stream(self._spark, landing / subject.name, self._settings.streaming.max_batch_bytes)
        tasks = self._spark.sparkContext.defaultParallelism
        write = Ingest(self._lake, subject, landing, self._listener.landed, tasks)
        checkpoint = str(self._lake.checkpoint(subject.name, "ingest"))
        return _Job(subject.name, "ingest", rows, write, checkpoint, self._settings.streaming.trigger_interval)

    def _refine(self, subject: Subject) -> _Job:
        rows = self._judged[subject.name]
        write = Refine(self._lake, subject, self._policy, self._listener.refined)
        return _Job(subject.name, "refine", rows, write, str(self._lake.checkpoint(subject.name, "refine")), AT_ONCE)

    def _judged_stream(self, subject: Subject) -> DataFrame:
        try:
            return judged_stream(self._spark, self._lake, subject, self._policy, REFINE_BYTES)
        except AnalysisException as error:
            reason = str(error).splitlines()[0]
            raise RuleError(
                f"{subject.name} v{subject.latest.version}: Spark refuses the contract: {reason}"
            ) from error

    def _watch(self, jobs: list[_Job], *, once: bool) -> None:
        """Start the queries and restart those that fail, with growing waits, until all is done or a stop is asked for."""
        try:
            while not self._stop.is_set():
                running = False
                for job in jobs:
                    running |= self._tend(job, once=once)
                if not running:
                    break
                self._stop.wait(POLL_SECONDS)
        finally:
            for job in jobs:
                _stop_after_batch(job.query)
        lost = [job for job in jobs if job.given_up]
        if lost:
            named = "; ".join(f"{job.subject} {job.name}: {job.error}" for job in lost)
            raise StreamFailedError(f"given up after {self._settings.retry.attempts} attempts: {named}")

    def _tend(self, job: _Job, *, once: bool) -> bool:
        """Look after one query; False when nothing more is to come of it."""
        if job.given_up or job.drained:
            return False
        if job.query is None:
            if time.monotonic() >= job.retry_at:
                job.query = self._start(job, once=once)
            return True
        if job.query.isActive:
            return True
        failure = job.query.exception()
        job.query = None
        if failure is None:
            job.drained = once
            return False if once else self._note_failure(job, "the query ended by itself")
        return self._note_failure(job, _cause(failure))

    def _start(self, job: _Job, *, once: bool) -> StreamingQuery:
        def write(rows: DataFrame, batch_id: int) -> None:
            job.write(rows, batch_id)
            job.failures = 0  # only failures in a row count

        writer = job.rows.writeStream.foreachBatch(write).option("checkpointLocation", job.checkpoint)
        writer = writer.queryName(f"{job.subject}/{job.name}")
        if once:
            return writer.trigger(availableNow=True).start()
        return writer.trigger(processingTime=f"{int(job.every.total_seconds() * 1000)} milliseconds").start()

    def _note_failure(self, job: _Job, cause: str) -> bool:
        retry = self._settings.retry
        job.failures += 1
        job.error = cause
        if job.failures >= retry.attempts:
            job.given_up = True
            log.error("%s %s: given up after %d failures: %s", job.subject, job.name, job.failures, cause)
            return False
        wait = min(retry.first_wait.total_seconds() * 2 ** (job.failures - 1), retry.longest_wait.total_seconds())
        job.retry_at = time.monotonic() + wait
        log.warning("%s %s: failed, again in %.0f s: %s", job.subject, job.name, wait, cause)
        return True


def publish(registry: Registry, subject: Subject) -> None:
    """Freeze the versions that rows are now judged by. Published twice, a version stays as it was the first time."""
    try:
        for version in fingerprints.publish(registry.root / subject.name, subject):
            log.info("%s v%s is published from now on and frozen", subject.name, version)
    except OSError as error:
        log.warning("%s: the fingerprint lock cannot be written (%s); its versions are not frozen", subject.name, error)


def _stop_after_batch(query: StreamingQuery | None) -> None:
    """Let the batch that is under way finish, then stop the query."""
    if query is None or not query.isActive:
        return
    until = time.monotonic() + PATIENCE_SECONDS
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    query.stop()


def _cause(failure: StreamingQueryException) -> str:
    """The last line that says something of what went wrong in the batch."""
    text = str(failure)
    marked = [line.strip() for line in text.split("=== Streaming Query ===")[0].splitlines() if line.strip()]
    told = [line for line in marked if "Error" in line.split(":")[0] or "Exception" in line.split(":")[0]]
    return (told or marked or ["unknown"])[-1][:500]
