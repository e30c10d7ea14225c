"""Ingest: landed files to Bronze, exactly as received.

A batch of files is read into parts, which ``microbatch.exactly_once`` writes into the journal and commits: the lines of the files
in ops/files, then their rows in Bronze. Where Spark hands over another batch than it did before, the files that this query has
landed are left out.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.landing.driver_checks import require_set_aside, require_vanished
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand
from spark_jobs.landing.limits import DEFAULTS
from spark_jobs.landing.omitted_files import OmittedFiles
from spark_jobs.landing.spark_source import local_path, source_of, subject_folder
from spark_jobs.microbatch.exactly_once import ExactlyOnce, Handover
from spark_jobs.microbatch.executors import run_groups, spread_evenly
from spark_jobs.microbatch.journal import Facts, PreparedBatch
from spark_jobs.microbatch.offsets import files_listed
from spark_jobs.microbatch.stream_state import BatchProgress
from spark_jobs.queries.books import to_micros
from spark_jobs.schemas import FILES
from spark_jobs.storage.parts import Part
from spark_jobs.storage.scans import latest_time, rows_where_in
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.landing.limits import Limits
    from spark_jobs.microbatch.commit import CommitState
    from spark_jobs.storage.table import Table

log = logging.getLogger("tallylake.stream")

#: Files set aside that are named one by one.
FEW = 20
#: Up to this many bytes of input the driver lands the files itself.
SMALL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one batch landed."""

    subject: str
    batch_id: int
    files: int
    rows: int
    unreadable: int
    seconds: float


class ListedFile(NamedTuple):
    """A landed file as Spark names it."""

    path: Path
    modified: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class IngestFacts(Facts):
    """What a batch of files states: how many it read, their rows, how many of those are unreadable.

    ``listed_anew``: Spark has lost its list of the files that it had handed over, so any batch may hold such a file again.
    """

    files: int
    rows: int
    unreadable: int
    listed_anew: bool = False


IngestBatch = PreparedBatch[IngestFacts]


@dataclass(slots=True)
class Ingest:
    """One subject's ingest query: :meth:`process_batch` is its foreachBatch function."""

    lake: Lake
    subject: Subject
    landing_root: Path
    report: Callable[[IngestReport], None]
    tasks: int = 2
    progress: BatchProgress = field(default_factory=BatchProgress)
    limits: Limits = DEFAULTS
    _last_reading: int | None = field(default=None, init=False)
    _aside: OmittedFiles | None = field(default=None, init=False)
    _listed_anew: bool = field(default=False, init=False)
    _began: float = field(default=0.0, init=False)
    _batches: ExactlyOnce[IngestFacts] = field(init=False)

    def __post_init__(self) -> None:
        self._batches = ExactlyOnce(self._checkpoint, IngestFacts, self._report, self.progress)

    def process_batch(self, files: DataFrame, batch_id: int) -> None:
        """Land one batch of files (as ``landing_stream`` lists them) in Bronze and ops/files, once."""
        self._began = time.perf_counter()
        self.progress.step("list files")
        offered = [ListedFile(local_path(row.path), row.modificationTime, row.length) for row in files.collect()]
        # Whoever sees a row in Bronze sees the line of its file: ops/files is committed first.
        tables = (self.lake.files, self.lake.bronze(self.subject))
        self._batches.run_once(batch_id, lambda handover: self._prepare(files.sparkSession, offered, handover), tables)

    def _prepare(
        self, spark: SparkSession, offered: list[ListedFile], handover: Handover[IngestFacts]
    ) -> IngestBatch | None:
        new = self._not_landed(offered, handover)
        if new is None:
            return None
        self.progress.step("read files")
        files = self._landings(new)
        parts, landed = self._land(spark, files)
        parts += self._file_parts([*landed, *self._set_aside(files)], handover)
        facts = IngestFacts(
            files=len(landed),
            rows=sum(one["rows"] for one in landed),
            unreadable=sum(one["unreadable"] for one in landed),
            listed_anew=self._listed_anew,
        )
        return PreparedBatch(handover.number, tuple(parts), facts, handover.query, handover.source)

    def _not_landed(self, offered: list[ListedFile], handover: Handover[IngestFacts]) -> list[ListedFile] | None:
        """Return the files that this query has not landed yet; None where there are none among those offered.

        They are looked up only where Spark's plan, or its list of files, was lost.
        """
        if handover.recovered:
            self._listed_anew = self._is_listed_anew(handover.state)
        if handover.is_next and not self._listed_anew:
            return offered
        sources = pa.array([self._source(file) for file in offered], pa.string())
        own = (pc.field("query_id") == handover.query) & (pc.field("status") != "set_aside")
        landed = rows_where_in(
            self.lake.files, "source", sources, ["source"], partition=of_subject(self.subject.name), where=own
        )["source"]
        known = set(landed.to_pylist())
        self._listed_anew |= bool(known) and handover.state.source is None
        new = [file for file in offered if self._source(file) not in known]
        return new if new or not offered else None

    def _is_listed_anew(self, state: CommitState[IngestFacts]) -> bool:
        """True if Spark has ever lost its list of the files that it had handed over."""
        last, source = state.last, state.source
        if last is None or last.facts.listed_anew:
            return not state.is_new
        if source is None:
            return state.number > last.batch_id
        return files_listed(self._checkpoint, source.since, source.until) != source.files

    def _land(self, spark: SparkSession, files: list[FileToLand]) -> tuple[list[Part], list[dict[str, Any]]]:
        """Read the files into parts of Bronze, here where they are small; return the parts and what became of each file."""
        here = sum(file.bytes for file in files) <= SMALL_BYTES
        groups = spread_evenly(files, lambda file: file.bytes, 1 if here else self.tasks)
        work = _Land(self.lake.bronze(self.subject), self.subject.known_fields, self.limits)
        answers = run_groups(spark, groups, work, here=here)
        landed = [one for answer in answers for one in answer["landed"]]
        vanished = {one["source"] for one in landed if one["status"] == "vanished"}
        require_vanished(files, vanished, subject_folder(self.landing_root, self.subject.name))
        require_set_aside(files, {one["source"] for one in landed if one["status"] == "set_aside"})
        return [Part.from_json(part) for answer in answers for part in answer["parts"]], landed

    def _source(self, file: ListedFile) -> str:
        return source_of(file.path, self.landing_root)

    def _report(self, batch: IngestBatch, _seconds: float, again: bool) -> None:
        facts, took = batch.facts, 0.0 if again else time.perf_counter() - self._began
        self.report(IngestReport(self.subject.name, batch.batch_id, facts.files, facts.rows, facts.unreadable, took))

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "ingest")

    def _landings(self, found: list[ListedFile]) -> list[FileToLand]:
        """The batch's files by name, each with a reading time of its own, later than any before."""
        base = max(int(time.time() * 1_000_000), self._latest_reading() + 1)
        landings = [
            FileToLand(
                path=str(file.path),
                source=self._source(file),
                bytes=file.bytes,
                modified_ms=int(file.modified.timestamp() * 1000),
                ingested_at=base + place,
            )
            for place, file in enumerate(sorted(found))
        ]
        self._last_reading = base + len(landings)
        return landings

    def _set_aside(self, landings: Sequence[FileToLand]) -> list[dict[str, Any]]:
        """Return what lies in the folder and Spark hands on to no batch, each once; see :mod:`spark_jobs.landing.omitted_files`."""
        if self._aside is None:
            self._aside = OmittedFiles(
                self.lake.files, self.subject.name, subject_folder(self.landing_root, self.subject.name)
            )
        found = self._aside.find_new({file.source for file in landings}, self._latest_reading())
        self._last_reading = self._latest_reading() + len(found)
        return [one.to_json() for one in found]

    def _latest_reading(self) -> int:
        """The greatest reading time so far, by the values and not by the log's bounds: those are of whoever wrote the file."""
        if self._last_reading is None:
            tables = (self.lake.files, self.lake.bronze(self.subject))
            times = [latest_time(table, "ingested_at", of_subject(self.subject.name)) for table in tables]
            self._last_reading = max([0, *(to_micros(time) for time in times if time is not None)])
        return self._last_reading

    def _file_parts(self, landed: Sequence[dict[str, Any]], handover: Handover[IngestFacts]) -> list[Part]:
        """Write a line of ops/files for each file."""
        _warn_of([one for one in landed if one["status"] == "set_aside"])
        rows = [
            {
                "subject": self.subject.name,
                "source": one["source"],
                "source_fingerprint": one["fingerprint"],
                "bytes": one["bytes"],
                "rows": one["rows"],
                "unreadable": one["unreadable"],
                "status": one["status"],
                "detail": one["detail"],
                "source_time": datetime.fromtimestamp(one["source_time_ms"] / 1000, UTC),
                "ingested_at": datetime.fromtimestamp(one["ingested_at"] / 1_000_000, UTC),
                "query_id": handover.query,
                "batch_id": handover.number,
            }
            for one in landed
        ]
        return write_parts(self.lake.files, pa.Table.from_pylist(rows, schema=FILES), subject=self.subject.name)


def _warn_of(aside: Sequence[dict[str, Any]]) -> None:
    for one in aside[:FEW]:
        log.warning("%s is set aside and not read: %s", one["source"], one["detail"])
    if len(aside) > FEW:
        log.warning("%d more are set aside and not read: tally status names them", len(aside) - FEW)


@dataclass(frozen=True, slots=True)
class _Land:
    """The work of one group of files; picklable, as executors run it too."""

    bronze: Table
    known: tuple[str, ...]
    limits: Limits

    def __call__(self, files: Sequence[FileToLand]) -> dict[str, Any]:
        parts, landed = land_files(files, self.bronze, self.known, self.limits)
        return {"parts": [part.to_json() for part in parts], "landed": [one.to_json() for one in landed]}
