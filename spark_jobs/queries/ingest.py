"""Ingest: landed files to Bronze, exactly as received.

A batch writes its parts, then the ledger, then commits Bronze and the file ledger. Done twice after a crash, what the ledger
names is committed once; a batch that never reached the ledger is read again and leaves nothing behind but unnamed parts.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.place import balanced, over_groups
from spark_jobs.queries.stream_state import Progress
from spark_jobs.schemas import FILES, TIMESTAMP
from spark_jobs.sinks.attempt import prepared_by
from spark_jobs.sinks.commit import open_table
from spark_jobs.sinks.ledger import Ledger, Prepared, query_id
from spark_jobs.sinks.parts import Part, write_parts
from spark_jobs.sinks.settle import resume, settle
from spark_jobs.sources.aside import Aside
from spark_jobs.sources.land import Landing, land, require_aside, require_gone
from spark_jobs.sources.landing import local_path, rooted
from spark_jobs.sources.limits import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake, Table
    from spark_jobs.sources.limits import Limits

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
    _aside: Aside | None = field(default=None, init=False)

    def __call__(self, files: DataFrame, batch_id: int) -> None:
        """Land one batch of files."""
        started = time.perf_counter()
        ledger = Ledger(self._checkpoint)
        owner = query_id(self._checkpoint)
        prepared = resume(ledger, batch_id, self._tables, owner)
        if prepared is None:
            prepared = prepared_by(lambda: self._prepare(files, batch_id), ledger, self._tables)
        self.progress.step("commit")
        settle(prepared, self._tables, owner)
        facts = prepared.facts
        took = time.perf_counter() - started
        self.report(IngestReport(self.subject.name, batch_id, facts["files"], facts["rows"], facts["unreadable"], took))

    @property
    def _checkpoint(self) -> Path:
        return self.lake.checkpoint(self.subject.name, "ingest")

    @property
    def _tables(self) -> tuple[Table, ...]:
        return (self.lake.bronze(self.subject), self.lake.files)

    def _prepare(self, files: DataFrame, batch_id: int) -> Prepared:
        self.progress.step("list files")
        landings = self._landings(files)
        self.progress.step("read files")
        bronze, known = self.lake.bronze(self.subject), self.subject.known_fields
        here = sum(file.bytes for file in landings) <= SMALL_BYTES
        groups = balanced(landings, lambda file: file.bytes, 1 if here else self.tasks)
        work = _Land(bronze, known, self.limits)
        answers = over_groups(files.sparkSession, groups, work, here=here)
        parts = [Part.from_json(part) for answer in answers for part in answer["parts"]]
        landed = [one for answer in answers for one in answer["landed"]]
        vanished = {one["source"] for one in landed if one["status"] == "vanished"}
        require_gone(landings, vanished, self.landing_root / self.subject.name)
        require_aside(landings, {one["source"] for one in landed if one["status"] == "set_aside"})
        told = [*landed, *self._looked(landings)]
        _warn_of([one for one in told if one["status"] == "set_aside"])
        parts += self._file_parts(told, batch_id)
        facts = {
            "files": len(landed),
            "rows": sum(one["rows"] for one in landed),
            "unreadable": sum(one["unreadable"] for one in landed),
        }
        return Prepared(batch_id, tuple(parts), facts)

    def _landings(self, files: DataFrame) -> list[Landing]:
        """The batch's files by name, each with a reading time of its own, later than any before."""
        found = [(local_path(row.path), row.modificationTime, row.length) for row in files.collect()]
        base = max(int(time.time() * 1_000_000), self._latest_reading() + 1)
        landings = [
            Landing(
                path=str(path),
                source=path.relative_to(rooted(self.landing_root)).as_posix(),
                bytes=length,
                modified_ms=int(modified.timestamp() * 1000),
                ingested_at=base + place,
            )
            for place, (path, modified, length) in enumerate(sorted(found))
        ]
        self._last = base + len(landings)
        return landings

    def _looked(self, landings: Sequence[Landing]) -> list[dict[str, Any]]:
        """What lies in the folder and Spark hands on to no batch, told once; see :mod:`spark_jobs.sources.aside`."""
        if self._aside is None:
            self._aside = Aside(self.lake.files, self.subject.name, rooted(self.landing_root) / self.subject.name)
        found = self._aside.look({file.source for file in landings}, self._latest_reading())
        self._last = self._latest_reading() + len(found)
        return [one.to_json() for one in found]

    def _latest_reading(self) -> int:
        if self._last is None:
            table = open_table(self.lake.files.path)
            bounds = pa.table(table.get_add_actions(flatten=True)) if table else pa.table({})
            highest = pc.max(bounds["max.ingested_at"].cast(TIMESTAMP)).as_py() if bounds.num_rows else None
            self._last = 0 if highest is None else int(highest.timestamp() * 1_000_000)
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

    def __call__(self, files: Sequence[Landing]) -> dict[str, Any]:
        parts, landed = land(files, self.bronze, self.known, self.limits)
        return {"parts": [part.to_json() for part in parts], "landed": [one.to_json() for one in landed]}
