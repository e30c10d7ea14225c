"""The streaming application: two queries a subject, watched over, each failing and recovering by itself."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from schema_registry import lock as fingerprints
from spark_jobs.errors import RuleError
from spark_jobs.lake import Lake
from spark_jobs.landing.limits import Limits
from spark_jobs.landing.spark_source import absolute_root, landing_stream
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.microbatch.stream_state import write_stream_state
from spark_jobs.microbatch.swap import finish_swap
from spark_jobs.queries.ingest import Ingest, IngestReport
from spark_jobs.queries.refine import Policy, Refine, judged_stream
from spark_jobs.queries.streaming_session import streaming_session
from spark_jobs.queries.supervisor import Job, Supervisor
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.failures import errors_explained
from spark_jobs.transforms.runnable_contract import require_runnable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry, Subject
    from spark_jobs.queries.books import Books
    from spark_jobs.storage.table import Table

log = logging.getLogger("tallylake.stream")
# PySpark logs a refused expression with its whole stack; the one sentence of RuleError says what matters.
logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)

#: Bronze is compressed: this much of it makes a refine batch of about a million rows.
REFINE_BYTES = 96 * 1024 * 1024
#: Refine waits for no trigger: what has landed is judged as soon as the batch before it is done.
AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Listener:
    """The functions that are called with the report of each batch, once it is committed."""

    landed: Callable[[IngestReport], None]
    refined: Callable[[Books], None]


class Application:
    """Streams some subjects of a registry into a lake until it is stopped, or until what has landed is drained."""

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
        """Judge the rows of Bronze (only those ingested before ``until``, where it is given) and return; nothing is landed.

        For a lake of which no one else writes any table but Bronze: no lock is taken, and no contract is frozen.
        """
        for subject in self._subjects:
            for table in self._lake.refine_tables(subject):
                ensure_table(table)
            judged = self._judged_stream(subject)
            self._judged[subject.name] = judged if until is None else judged.where(F.col("ingested_at") < F.lit(until))
        self._watch([self._refine(subject) for subject in self._subjects], once=True)

    def _prepare(self, subject: Subject) -> None:
        """Check that Spark can judge by the subject's contract, make its tables, and freeze the contract."""
        require_runnable(self._spark, subject)
        for table in (self._lake.bronze(subject), self._lake.files, *self._lake.refine_tables(subject)):
            ensure_table(table)
        self._judged[subject.name] = self._judged_stream(subject)
        freeze(self._registry, subject)

    @property
    def _policy(self) -> Policy:
        quality = self._settings.data_quality
        return Policy(quality.watermark_delay, quality.allowed_clock_skew, quality.late_policy == "dead_letter")

    def _ingest(self, subject: Subject) -> Job:
        landing = absolute_root(self._settings.lake.landing)
        max_bytes = self._settings.streaming.max_batch_bytes
        tasks = self._spark.sparkContext.defaultParallelism
        limits = Limits.from_settings(self._settings.limits)
        query = Ingest(self._lake, subject, landing, self._listener.landed, tasks, limits=limits)
        checkpoint = str(self._lake.checkpoint(subject.name, "ingest"))
        interval = self._settings.streaming.trigger_interval
        tables = (self._lake.bronze(subject), self._lake.files)

        def rows() -> DataFrame:
            return landing_stream(self._spark, landing, subject.name, max_bytes)

        return Job(
            subject.name,
            "ingest",
            rows,
            _with_errors_explained(query.process_batch, tables),
            checkpoint,
            interval,
            query.progress,
        )

    def _refine(self, subject: Subject) -> Job:
        rows = self._judged[subject.name]
        query = Refine(self._lake, subject, self._policy, self._listener.refined)
        checkpoint = str(self._lake.checkpoint(subject.name, "refine"))
        tables = (self._lake.bronze(subject), *self._lake.refine_tables(subject))
        return Job(
            subject.name,
            "refine",
            lambda: rows,
            _with_errors_explained(query.process_batch, tables),
            checkpoint,
            AT_ONCE,
            query.progress,
        )

    def _judged_stream(self, subject: Subject) -> DataFrame:
        try:
            return judged_stream(self._spark, self._lake, subject, self._policy, REFINE_BYTES)
        except AnalysisException as error:
            reason = str(error).splitlines()[0]
            raise RuleError(
                f"{subject.name} v{subject.latest.version}: Spark refuses the contract: {reason}"
            ) from error

    def _watch(self, jobs: list[Job], *, once: bool) -> None:
        streaming = self._settings.streaming
        supervisor = Supervisor(
            self._settings.retry, streaming.stalled_after, streaming.stop_patience, self._stop, self._write_states
        )
        supervisor.watch(jobs, once=once)

    def _write_states(self, jobs: Sequence[Job]) -> None:
        """Write the states of each subject's queries for those who read them from outside."""
        for subject in self._subjects:
            states = [job.state for job in jobs if job.subject == subject.name]
            write_stream_state(self._lake, subject.name, states)


def _with_errors_explained(
    write: Callable[[DataFrame, int], None], tables: Sequence[Table]
) -> Callable[[DataFrame, int], None]:
    """Return the function such that a damaged file, or what the machine refuses, is an error of one plain sentence."""

    def explained(rows: DataFrame, batch_id: int) -> None:
        with errors_explained(lambda: [table.path for table in tables]):
            write(rows, batch_id)

    return explained


def freeze(registry: Registry, subject: Subject) -> None:
    """Freeze the versions that rows are now judged by. Frozen twice, a version stays as it was the first time."""
    try:
        for version in fingerprints.freeze(registry.root / subject.name, subject):
            log.info("%s v%s is frozen from now on", subject.name, version)
    except OSError as error:
        log.warning("%s: the fingerprint lock cannot be written (%s); its versions are not frozen", subject.name, error)
