"""Ingest: landed files to Bronze, exactly as received.

A batch writes its parts, then the ledger, then commits the file ledger and Bronze. Done twice after a crash, what the ledger
names is committed once; a batch that never reached the ledger is read again and leaves nothing behind but unnamed parts. Where
Spark hands over another batch than the ledger was made of, the files that this query has landed are left out.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.landing.land_files import FileToLand, land_files, require_set_aside, require_vanished
from spark_jobs.landing.limits import DEFAULTS
from spark_jobs.landing.listing import absolute_root, local_path
from spark_jobs.landing.skipped_files import SkippedFiles
from spark_jobs.microbatch.executors import balanced, over_groups
from spark_jobs.microbatch.journal import Ledger, Prepared, prepared_by, query_id
from spark_jobs.microbatch.offsets import Handed, files_listed, handed
from spark_jobs.microbatch.settle import Reached, reached, settle
from spark_jobs.microbatch.stream_state import Progress
from spark_jobs.queries.books import micros
from spark_jobs.schemas import FILES
from spark_jobs.storage import pruned
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.landing.limits import Limits
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


class Offered(NamedTuple):
    """A landed file as Spark names it."""

    path: Path
    modified: datetime
    bytes: int


@dataclass(slots=True)
class Ingest:
    """The foreachBatch function of one subject's ingest query."""

    lake: Lake
    subject: Subject
    landing_root: Path
    report: Callable[[IngestReport], None]
    tasks: int = 2
    progress: Progress = field(default_factory=Progress)
    limits: Limits = DEFAULTS
    _last: int | None = field(default=None, init=False)
    _aside: SkippedFiles | None = field(default=None, init=False)
    _reached: Reached | None = field(default=None, init=False)
    _listed_anew: bool = field(default=False, init=False)

    def __call__(self, files: DataFrame, batch_id: int) -> None:
        """Land one batch of files."""
        started = time.perf_counter()
        self.progress.step("list files")
        found = [Offered(local_path(row.path), row.modificationTime, row.length) for row in files.collect()]
        at_hand = handed(self._checkpoint, batch_id)
        self._reached = so_far = self._reached or self._finish(at_hand)
        new = self._not_landed(found, at_hand, so_far)
        if new is None:
            return
        self._reached = None  # known again once this batch is committed: whatever fails in between, the ledger is asked
        spark = files.sparkSession
        prepared = prepared_by(lambda: self._prepare(spark, new, so_far, at_hand), self._ledger, self._tables)
        self.progress.step("commit")
        settle(prepared, self._tables, query_id(self._checkpoint))
        self._reached = Reached(prepared, prepared.batch_id)
        self._tell(prepared, time.perf_counter() - started)

    def _finish(self, at_hand: Handed) -> Reached:
        """Commit what the ledger says is still to be committed: asked at the first batch, and after a failure."""
        owner = query_id(self._checkpoint)
        so_far = reached(self._ledger, self._tables, owner)
        last = so_far.prepared
        if last is not None:
            settle(last, self._tables, last.facts.get("query_id", owner))
            if at_hand.is_the(so_far.made_of):
                self._tell(last, 0.0)
        self._listed_anew = self._is_listed_anew(so_far)
        return so_far

    def _is_listed_anew(self, so_far: Reached) -> bool:
        """Whether Spark has ever lost its list of the files that it had handed over: then any batch may hold such a file again."""
        last, made_of = so_far.prepared, so_far.made_of
        if last is None or last.facts.get("listed_anew"):
            return not so_far.is_new
        if made_of is None:
            return so_far.number > last.batch_id
        return bool(files_listed(self._checkpoint, made_of["since"], made_of["until"]) != made_of["files"])

    def _not_landed(self, found: list[Offered], at_hand: Handed, so_far: Reached) -> list[Offered] | None:
        """The files of the batch that this query has not landed yet; None where the batch is done. Looked up where Spark's plan, or
        list, was lost.
        """
        if not self._listed_anew and (so_far.is_new or at_hand.follows(so_far.made_of)):
            return found
        if at_hand.is_the(so_far.made_of):
            return None
        sources = pa.array([self._source(file) for file in found], pa.string())
        own = (pc.field("query_id") == query_id(self._checkpoint)) & (pc.field("status") != "set_aside")
        landed = pruned.of_sources(self.lake.files, self.subject.name, sources, ["source"], own)["source"]
        known = set(landed.to_pylist())
        self._listed_anew |= bool(known) and so_far.made_of is None
        new = [file for file in found if self._source(file) not in known]
        return new if new or not found else None

    def _source(self, file: Offered) -> str:
        return file.path.relative_to(absolute_root(self.landing_root)).as_posix()

    def _tell(self, prepared: Prepared, took: float) -> None:
        facts = prepared.facts
        counts = facts["files"], facts["rows"], facts["unreadable"]
        self.report(IngestReport(self.subject.name, prepared.batch_id, *counts, took))

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self._checkpoint)

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "ingest")

    @property
    def _tables(self) -> tuple[Table, ...]:
        """What a batch is committed to, in order: whoever sees a row in Bronze sees the line of its file."""
        return (self.lake.files, self.lake.bronze(self.subject))

    def _prepare(self, spark: SparkSession, new: list[Offered], so_far: Reached, at_hand: Handed) -> Prepared:
        batch_id, landings = so_far.next_number(at_hand.batch), self._landings(new)
        self.progress.step("read files")
        bronze, known = self.lake.bronze(self.subject), self.subject.known_fields
        here = sum(file.bytes for file in landings) <= SMALL_BYTES
        groups = balanced(landings, lambda file: file.bytes, 1 if here else self.tasks)
        work = _Land(bronze, known, self.limits)
        answers = over_groups(spark, groups, work, here=here)
        parts = [Part.from_json(part) for answer in answers for part in answer["parts"]]
        landed = [one for answer in answers for one in answer["landed"]]
        vanished = {one["source"] for one in landed if one["status"] == "vanished"}
        require_vanished(landings, vanished, self.landing_root / self.subject.name)
        require_set_aside(landings, {one["source"] for one in landed if one["status"] == "set_aside"})
        told = [*landed, *self._looked(landings)]
        _warn_of([one for one in told if one["status"] == "set_aside"])
        parts += self._file_parts(told, batch_id)
        facts = {
            "files": len(landed),
            "rows": sum(one["rows"] for one in landed),
            "unreadable": sum(one["unreadable"] for one in landed),
            "query_id": query_id(self._checkpoint),
            "made_of": at_hand.to_json(),
            "listed_anew": self._listed_anew,
        }
        return Prepared(batch_id, tuple(parts), facts)

    def _landings(self, found: list[Offered]) -> list[FileToLand]:
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
        self._last = base + len(landings)
        return landings

    def _looked(self, landings: Sequence[FileToLand]) -> list[dict[str, Any]]:
        """What lies in the folder and Spark hands on to no batch, told once; see :mod:`spark_jobs.landing.skipped_files`."""
        if self._aside is None:
            self._aside = SkippedFiles(
                self.lake.files, self.subject.name, absolute_root(self.landing_root) / self.subject.name
            )
        found = self._aside.find_new({file.source for file in landings}, self._latest_reading())
        self._last = self._latest_reading() + len(found)
        return [one.to_json() for one in found]

    def _latest_reading(self) -> int:
        """The greatest reading time so far, by the values and not by the log's bounds: those are of whoever wrote the file."""
        if self._last is None:
            tables = (self.lake.files, self.lake.bronze(self.subject))
            times = [pruned.latest(table, self.subject.name, "ingested_at") for table in tables]
            self._last = max([0, *(micros(time) for time in times if time is not None)])
        return self._last

    def _file_parts(self, landed: Sequence[dict[str, Any]], batch_id: int) -> list[Part]:
        owner = query_id(self._checkpoint)
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
                "query_id": owner,
                "batch_id": batch_id,
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
