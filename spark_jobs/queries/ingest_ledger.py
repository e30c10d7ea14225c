"""The ingest ledger of one subject: a line in ops/files for each reading of a landed file, and the times that order readings."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.schemas import FILES, from_micros, to_micros
from spark_jobs.storage.scans import latest_time, rows_where_in
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.landing.landed_file import LandedFile
    from spark_jobs.storage.parts import Part

log = logging.getLogger("tallylake.stream")

#: Files set aside that are named one by one.
FEW = 20


@dataclass(slots=True)
class IngestLedger:
    """The lines of one subject. Its reading times (epoch microseconds) ascend and differ, whatever the clock does.

    ``_next``: the first reading time that is free; read from the tables once, and then counted on.
    """

    lake: Lake
    subject: Subject
    _next: int | None = field(default=None, init=False)

    def sources_landed_by(self, query_id: str, sources: Collection[str]) -> set[str]:
        """Return those of the sources that this query has landed; files that were set aside are none of them."""
        own = (pc.field("query_id") == query_id) & (pc.field("status") != "set_aside")
        landed = rows_where_in(
            self.lake.files,
            "source",
            pa.array(sources, pa.string()),
            ["source"],
            partition=of_subject(self.subject.name),
            where=own,
        )
        return set(landed["source"].to_pylist())

    def reserve_now(self, count: int) -> int:
        """Reserve reading times for some files from now on, later than any before; return the first."""
        self._next = max(int(time.time() * 1_000_000), self.next_time)
        return self.reserve(count)

    def reserve(self, count: int) -> int:
        """Reserve as many reading times, right after the last; return the first."""
        first = self.next_time
        self._next = first + count
        return first

    @property
    def next_time(self) -> int:
        """The first free reading time, by the rows themselves: the log's bounds are as whoever wrote the file has rounded them."""
        if self._next is None:
            tables = (self.lake.files, self.lake.bronze(self.subject))
            times = [latest_time(table, "ingested_at", of_subject(self.subject.name)) for table in tables]
            self._next = max([0, *(to_micros(moment) for moment in times if moment is not None)]) + 1
        return self._next

    def write(self, files: Sequence[LandedFile], query_id: str, batch_id: int) -> list[Part]:
        """Write a line for each file, as parts that are still to be committed; files that are set aside are named in the log."""
        _warn_of_set_aside([file for file in files if file.status == "set_aside"])
        rows = [self._line(file, query_id, batch_id) for file in files]
        return write_parts(self.lake.files, pa.Table.from_pylist(rows, schema=FILES), subject=self.subject.name)

    def _line(self, file: LandedFile, query_id: str, batch_id: int) -> dict[str, Any]:
        return {
            "subject": self.subject.name,
            "source": file.source,
            "source_fingerprint": file.fingerprint,
            "bytes": file.bytes,
            "rows": file.rows,
            "unreadable": file.unreadable,
            "status": file.status,
            "detail": file.detail,
            "source_time": datetime.fromtimestamp(file.source_time_ms / 1000, UTC),
            "ingested_at": from_micros(file.ingested_at),
            "query_id": query_id,
            "batch_id": batch_id,
        }


def _warn_of_set_aside(files: Sequence[LandedFile]) -> None:
    for file in files[:FEW]:
        log.warning("%s is set aside and not read: %s", file.source, file.detail)
    if len(files) > FEW:
        log.warning("%d more are set aside and not read: tally status names them", len(files) - FEW)
