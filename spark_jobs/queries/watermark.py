"""The watermark of a subject: the greatest event time that was accepted, less the delay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_jobs.lake import of_subject
from spark_jobs.storage.scans import latest_time
from spark_jobs.transforms.lateness import watermark_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from spark_jobs.storage.table import Table


@dataclass(slots=True)
class Watermark:
    """The watermark of one query's next batch. It is read from the books (ops/batch_quality) once, and then follows the batches."""

    books: Table
    subject: str
    delay: timedelta
    _accepted_until: datetime | None = field(default=None, init=False)
    _is_read: bool = field(default=False, init=False)

    def current(self) -> datetime | None:
        """Return the watermark after all batches in the books; None where none has accepted a row."""
        if not self._is_read:
            self._accepted_until = latest_time(self.books, "max_event_time", of_subject(self.subject))
            self._is_read = True
        return watermark_of(self._accepted_until, self.delay)

    def advance(self, accepted_until: datetime | None) -> None:
        """Take in a batch that is committed: the greatest event time that it accepted, None where it accepted no row."""
        if accepted_until is not None and (self._accepted_until is None or accepted_until > self._accepted_until):
            self._accepted_until = accepted_until
