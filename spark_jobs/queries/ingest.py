"""Ingest: landed files to Bronze, exactly as received.

A batch of files is read into parts, which ``microbatch.exactly_once`` writes into the journal and commits: the lines of the files
in ops/files, then their rows in Bronze. Where Spark hands over another batch than it did before, the files that this query has
landed are left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_jobs.landing.driver_checks import require_set_aside, require_vanished
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand, LandedFile
from spark_jobs.landing.limits import DEFAULTS
from spark_jobs.landing.omitted_files import OmittedFiles
from spark_jobs.landing.spark_source import local_path, source_of, subject_folder
from spark_jobs.microbatch.exactly_once import ExactlyOnce, Handover
from spark_jobs.microbatch.executors import run_groups, spread_evenly
from spark_jobs.microbatch.journal import Facts, PreparedBatch
from spark_jobs.microbatch.offsets import files_listed
from spark_jobs.microbatch.stream_state import BatchProgress
from spark_jobs.queries.ingest_ledger import IngestLedger
from spark_jobs.storage.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.landing.limits import Limits
    from spark_jobs.microbatch.commit import CommitState
    from spark_jobs.storage.table import Table

#: Up to this many bytes of input the driver lands the files itself.
SMALL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IngestReport:
    """A landed batch, as it is shown: files read, their rows, how many of those are unreadable, and the seconds that it took."""

    subject: str
    batch_id: int
    files: int
    rows: int
    unreadable: int
    seconds: float


@dataclass(frozen=True, slots=True)
class IngestFacts(Facts):
    """The facts of a batch of files: how many it read, their rows, how many of those are unreadable.

    ``listed_anew``: Spark has lost its list of the files that it had handed over, so any batch may hold such a file again.
    """

    files: int
    rows: int
    unreadable: int
    listed_anew: bool = False


IngestBatch = PreparedBatch[IngestFacts]


class ListedFile(NamedTuple):
    """A landed file as Spark lists it."""

    path: Path
    modified: datetime
    bytes: int


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
    _batches: ExactlyOnce[IngestFacts] = field(init=False)
    _ledger: IngestLedger = field(init=False)
    _omitted: OmittedFiles = field(init=False)
    _listed_anew: bool = field(default=False, init=False)
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._batches = ExactlyOnce(self._checkpoint, IngestFacts, self._report, self.progress)
        self._ledger = IngestLedger(self.lake, self.subject)
        self._omitted = OmittedFiles(self.lake.files, self.subject.name, self._folder)

    def process_batch(self, files: DataFrame, batch_id: int) -> None:
        """Land one batch of files (as ``landing_stream`` lists them) in Bronze and ops/files, once."""
        self._began = time.perf_counter()
        self.progress.step("list files")
        listed = [ListedFile(local_path(row.path), row.modificationTime, row.length) for row in files.collect()]
        # Whoever sees a row in Bronze sees the line of its file: ops/files is committed first.
        tables = (self.lake.files, self.lake.bronze(self.subject))
        self._batches.run_once(batch_id, lambda handover: self._prepare(files.sparkSession, listed, handover), tables)

    def _prepare(
        self, spark: SparkSession, listed: list[ListedFile], handover: Handover[IngestFacts]
    ) -> IngestBatch | None:
        """Read the files that are new into parts of Bronze, and write their lines in the ledger; None where no file is new."""
        new = self._not_landed(listed, handover)
        if new is None:
            return None
        self.progress.step("read files")
        files = self._with_reading_times(new)
        bronze_parts, landed = self._land(spark, files)
        ledger_parts = self._ledger.write([*landed, *self._find_omitted(files)], handover.query, handover.number)
        parts = (*bronze_parts, *ledger_parts)
        return PreparedBatch(handover.number, parts, self._facts(landed), handover.query, handover.source)

    def _not_landed(self, listed: list[ListedFile], handover: Handover[IngestFacts]) -> list[ListedFile] | None:
        """Return the files that this query has not landed yet; None where it has landed all that are listed.

        They are looked up only where Spark's plan, or its list of files, was lost.
        """
        if handover.recovered:
            self._listed_anew = self._is_listed_anew(handover.state)
        if handover.is_next and not self._listed_anew:
            return listed
        landed = self._ledger.sources_landed_by(handover.query, [self._source(file) for file in listed])
        self._listed_anew |= bool(landed) and handover.state.source is None
        new = [file for file in listed if self._source(file) not in landed]
        return new if new or not listed else None

    def _is_listed_anew(self, state: CommitState[IngestFacts]) -> bool:
        """True if Spark has ever lost its list of the files that it had handed over."""
        last, source = state.last, state.source
        if last is None or last.facts.listed_anew:
            return not state.is_new
        if source is None:
            return state.number > last.batch_id
        return files_listed(self._checkpoint, source.since, source.until) != source.files

    def _with_reading_times(self, new: list[ListedFile]) -> list[FileToLand]:
        """Return the files, ordered by path, each with a reading time of its own, later than any before."""
        first = self._ledger.reserve_now(len(new))
        return [
            FileToLand(
                path=str(file.path),
                source=self._source(file),
                bytes=file.bytes,
                modified_ms=int(file.modified.timestamp() * 1000),
                ingested_at=first + place,
            )
            for place, file in enumerate(sorted(new))
        ]

    def _land(self, spark: SparkSession, files: list[FileToLand]) -> tuple[list[Part], list[LandedFile]]:
        """Read the files into parts of Bronze, on the driver where they are small; return what became of each, too."""
        here = sum(file.bytes for file in files) <= SMALL_BYTES
        groups = spread_evenly(files, lambda file: file.bytes, 1 if here else self.tasks)
        work = _LandGroup(self.lake.bronze(self.subject), self.subject.known_fields, self.limits)
        answers = run_groups(spark, groups, work, here=here)
        landed = [LandedFile(**plain) for answer in answers for plain in answer["landed"]]
        require_vanished(files, {file.source for file in landed if file.status == "vanished"}, self._folder)
        require_set_aside(files, {file.source for file in landed if file.status == "set_aside"})
        return [Part.from_json(part) for answer in answers for part in answer["parts"]], landed

    def _find_omitted(self, files: Sequence[FileToLand]) -> list[LandedFile]:
        """Return the files in the folder that Spark hands to no batch, each once; see ``landing.omitted_files``."""
        found = self._omitted.find_new({file.source for file in files}, self._ledger.next_time)
        self._ledger.reserve(len(found))
        return found

    def _facts(self, landed: Sequence[LandedFile]) -> IngestFacts:
        rows, unreadable = sum(file.rows for file in landed), sum(file.unreadable for file in landed)
        return IngestFacts(len(landed), rows, unreadable, self._listed_anew)

    def _report(self, batch: IngestBatch, _seconds: float, again: bool) -> None:
        facts, took = batch.facts, 0.0 if again else time.perf_counter() - self._began
        self.report(IngestReport(self.subject.name, batch.batch_id, facts.files, facts.rows, facts.unreadable, took))

    def _source(self, file: ListedFile) -> str:
        return source_of(file.path, self.landing_root)

    @property
    def _folder(self) -> Path:
        return subject_folder(self.landing_root, self.subject.name)

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "ingest")


@dataclass(frozen=True, slots=True)
class _LandGroup:
    """The work of one group of files; picklable, as executors run it too."""

    bronze: Table
    known: tuple[str, ...]
    limits: Limits

    def __call__(self, files: Sequence[FileToLand]) -> dict[str, Any]:
        parts, landed = land_files(files, self.bronze, self.known, self.limits)
        return {"parts": [part.to_json() for part in parts], "landed": [file.to_json() for file in landed]}
