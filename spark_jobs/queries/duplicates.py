"""Find the rows of a batch that repeat an accepted row, or that were landed and judged before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.queries import accepted_rows
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.add_actions import live_adds
from spark_jobs.storage.scans import latest_time
from spark_jobs.storage.writers import Writers
from spark_jobs.transforms.dedupe import Duplicates, find_duplicates
from spark_jobs.transforms.lateness import with_lateness

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


@dataclass(slots=True)
class DuplicateFinder:
    """Finds the duplicates of one subject's batches."""

    lake: Lake
    subject: Subject
    refuse_late: bool
    _ingest_queries: Writers = field(init=False)

    def __post_init__(self) -> None:
        self._ingest_queries = Writers(self.lake.bronze(self.subject).path)

    def find(self, rows: pa.Table, watermark: datetime | None, earlier_until: datetime | None) -> Duplicates:
        """Return the duplicates among judged rows (columns ``judge.DEDUPE_COLUMNS``).

        An event repeats one of the same key by the rules of ``dedupe``; a change one of the same change_id, whatever its age. Rows
        ingested until ``earlier_until`` (see :func:`earlier_query_until`) may have been judged by an earlier query.
        """
        known = self._accepted_events if self.subject.kind == "events" else self._accepted_changes
        until = watermark if self.subject.kind == "events" else None
        rows = with_lateness(rows, until)
        valid_keys = pc.unique(rows.filter(rows["_valid"])["_key"])
        known_rows, again = known(rows, valid_keys, until), self._judged_before(rows, earlier_until)
        return find_duplicates(rows, known_rows, until, refuse_late=self.refuse_late, judged_before=again)

    def _accepted_events(self, rows: pa.Table, keys: pa.Array, watermark: datetime | None) -> pa.Table:
        latest = self.subject.latest
        times = accepted_rows.time_ranges(rows, watermark)
        return accepted_rows.find_by_key(self.lake.events(self.subject), latest.key, latest.event_time, keys, times)

    def _accepted_changes(self, _rows: pa.Table, keys: pa.Array, _watermark: datetime | None) -> pa.Table:
        latest = self.subject.latest
        return accepted_rows.find_by_change_id(self.lake.changes(self.subject), "change_id", latest.event_time, keys)

    def _judged_before(self, rows: pa.Table, earlier_until: datetime | None) -> pa.Array:
        """Return the batch's row ids that were landed and judged before. Looked up only where a checkpoint was lost."""
        name, sources = self.subject.name, self._landed_before(rows, earlier_until)
        if not len(sources):
            return pa.array([], pa.string())
        known = accepted_rows.row_ids_of_sources((self.lake.dead_letters, self.lake.duplicates), name, sources)
        # Accepted rows too: a newer version may migrate a key to another, by which the row that was landed first is not found.
        ids = rows.filter(pc.is_in(rows["source"], sources))["row_id"].combine_chunks()
        return pa.concat_arrays([known, accepted_rows.known_row_ids(self.lake.accepted(self.subject), ids)])

    def _landed_before(self, rows: pa.Table, earlier_until: datetime | None) -> pa.Array:
        """Return the batch's sources that an earlier query may have judged, or that were landed more than once.

        A file's line in ops/files is committed before its rows are, so for each row in Bronze all of its file's lines are there.
        """
        found = pa.array([], pa.string())
        if earlier_until is not None:
            found = pc.unique(
                rows.filter(pc.less_equal(rows["ingested_at"], pa.scalar(earlier_until, TIMESTAMP)))["source"]
            )
        if len(self._ingest_queries.queries()) > 1:
            sources = pc.unique(rows["source"])
            found = pa.concat_arrays(
                [found, accepted_rows.sources_landed_again(self.lake.files, self.subject.name, sources)]
            )
        return found


def earlier_query_until(lake: Lake, subject: Subject) -> datetime | None:
    """Return the last ``ingested_at`` of Bronze, whose rows an earlier query may have judged; None where none has judged any.

    Looked up once in a query's life, before its first commit, and then kept in its journal: a subject has one query at a time, so
    rows that land later are this one's. ``ingested_at`` ascends whatever the clock does, and does not depend on how tables are
    laid out.
    """
    judged = (lake.accepted(subject), lake.duplicates, lake.dead_letters)
    if not any(live_adds(table, of_subject(subject.name)).num_rows for table in judged):
        return None
    return latest_time(lake.bronze(subject), "ingested_at", of_subject(subject.name))
