"""How far one table is published, what is wrong with it, and when it is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_jobs.publish.retries import wait_after
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from spark_jobs.publish.target import Target
    from spark_jobs.storage.snapshot import Snapshot


@dataclass(slots=True)
class TableProgress:
    """A table: the version that Postgres shows (None: not known yet), the lake's newest, and what is wrong with it.

    ``failures`` in a row; ``retry_at`` by ``time.monotonic``. ``refused``: Postgres has no such table for now, so that
    there is nothing to try.
    """

    target: Target
    shown: Snapshot | None = None
    newest: int | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""
    refused: bool = False

    @property
    def is_due(self) -> bool:
        """True if it may be tried: no wait after a failure is left."""
        return time.monotonic() >= self.retry_at

    @property
    def is_behind(self) -> bool:
        """True if the lake had a newer version, when it was last polled, than Postgres is known to show."""
        return self.newest is not None and (self.shown is None or self.shown.version != self.newest)

    def is_behind_now(self) -> bool:
        """True if the lake has a newer version at this moment, and nothing is known to be wrong with the table."""
        if self.error:
            return False
        try:
            newest = open_snapshot(self.target.table.path)
        except Exception:  # its worker says what is wrong with it
            return False
        return newest is not None and newest is not self.shown

    def succeed(self, shown: Snapshot) -> None:
        """Postgres shows this version."""
        self.shown, self.failures, self.error, self.refused = shown, 0, "", False

    def fail(self, error: str) -> float:
        """Note what went wrong, and return the seconds until the table is tried again."""
        self.failures += 1
        self.error = error
        wait = wait_after(self.failures)
        self.retry_at = time.monotonic() + wait
        return wait

    def to_json(self) -> dict[str, Any]:
        """Return the form that the state file has."""
        return {
            "lake_table": self.target.table.name,
            "table": self.target.name,
            "shown": self.shown.version if self.shown is not None else None,
            "error": self.error,
        }
