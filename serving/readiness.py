"""The readiness of the server for /ready, read from the database."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

import psycopg2
from pydantic import AwareDatetime, BaseModel

from config.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.database import Pool, Transaction

#: /ready needs no key: however often it is requested, the database is queried no more often than this.
READY_SECONDS = 1.0

_NEWEST = """
SELECT started_at + duration_seconds * interval '1 second' AS last_batch_at FROM newest_batches
WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
"""


class Ready(BaseModel):
    """The readiness of the server; `database` is empty before anything was published."""

    ready: bool
    database: Literal["ok", "away", "empty"]
    last_batch_at: AwareDatetime | None = None


class Readiness:
    """The server's readiness, read from the database once a second at most, by one thread at a time."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._last: Ready | None = None
        self._at = 0.0
        self._querying = threading.Lock()

    def now(self) -> Ready:
        """Return the readiness of the last second; while another thread queries the database, the one before."""
        last = self._last
        if last is not None and (
            self._clock() - self._at < READY_SECONDS or not self._querying.acquire(blocking=False)
        ):
            return last
        if last is None:
            self._querying.acquire()
        try:
            if self._last is None or self._clock() - self._at >= READY_SECONDS:
                self._last = self._query()
                self._at = self._clock()
            return self._last
        finally:
            self._querying.release()

    def _query(self) -> Ready:
        def newest(tx: Transaction) -> Ready:
            return Ready(ready=True, database="ok", **(tx.row(_NEWEST) or {}))

        try:
            return self._pool.run(newest)
        except psycopg2.errors.UndefinedTable:
            return Ready(ready=False, database="empty")
        except DatabaseError as error:
            return Ready(ready=False, database="away" if error.away else "empty")
        except psycopg2.Error:
            return Ready(ready=False, database="away")
