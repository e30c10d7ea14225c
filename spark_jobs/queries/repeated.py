"""What of a batch repeats what the lake has accepted, or what an earlier reading has judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sinks.ledger import query_id
from spark_jobs.sources import history
from spark_jobs.transforms.dedupe import Repeats, repeats
from spark_jobs.transforms.lateness import with_lateness

if TYPE_CHECKING:
    from datetime import datetime

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


@dataclass(slots=True)
class Repeated:
    """Finds the duplicates of one subject's batches; remembers whether any checkpoint of it was ever lost."""

    lake: Lake
    subject: Subject
    refuse_late: bool
    _other_readers: tuple[datetime | None, bool] | None = field(default=None, init=False)

    def __call__(self, narrow: pa.Table, watermark: datetime | None) -> Repeats:
        """The duplicates among judged rows (columns ``judge.NARROW``).

        An event repeats one of the same key by the rules of ``dedupe``; a change one of the same change_id, whatever its age.
        """
        known = self._accepted_events if self.subject.kind == "events" else self._accepted_changes
        until = watermark if self.subject.kind == "events" else None
        rows = with_lateness(narrow, until)
        valid_keys = pc.unique(rows.filter(rows["_valid"])["_key"])
        accepted = known(rows, valid_keys, until)
        return repeats(rows, accepted, until, refuse_late=self.refuse_late, judged_before=self._judged_before(rows))

    def _accepted_events(self, rows: pa.Table, keys: pa.Array, watermark: datetime | None) -> pa.Table:
        latest = self.subject.latest
        spans = history.spans(rows, watermark)
        return history.accepted(self.lake.events(self.subject), latest.key, latest.event_time, keys, spans)

    def _accepted_changes(self, _rows: pa.Table, keys: pa.Array, _watermark: datetime | None) -> pa.Table:
        latest = self.subject.latest
        return history.accepted_by_id(self.lake.changes(self.subject), "change_id", latest.event_time, keys)

    def _judged_before(self, rows: pa.Table) -> pa.Array:
        """Row ids of the batch that an earlier reading judged. None, and nothing is read, where no checkpoint was lost."""
        name, sources = self.subject.name, pc.unique(rows["source"])
        if self._other_readers is None:
            own = query_id(self.lake.checkpoint(name, "refine"))
            ended = history.latest(self.lake.batch_quality, name, "started_at", but_of=own)
            self._other_readers = (ended, len(history.writers(self.lake.files, name)) > 1)
        ended, relanded = self._other_readers
        reread = ended is not None and pc.min(rows["ingested_at"]).as_py() <= ended
        if not reread and not (relanded and history.landed_twice(self.lake.files, name, sources)):
            return pa.array([], pa.string())
        refused = rows.filter(pc.invert(rows["_valid"]))["row_id"].combine_chunks()
        known = history.judged_before((self.lake.dead_letters, self.lake.duplicates), name, sources)
        return pa.concat_arrays([known, history.accepted_before(self.lake.accepted(self.subject), refused)])
