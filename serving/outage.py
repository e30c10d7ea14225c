"""What is said where the database cannot be asked: a sentence to whoever asks, and which server and why to the log."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Literal

import psycopg2
from pydantic import AwareDatetime, BaseModel

from config.postgres import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.database import Pool, Questions

log = logging.getLogger("tallylake.serving")

AWAY = "the database cannot be reached now: ask again in a moment"
REFUSED = "the database does not let this server in: whoever runs it finds the reason in its log"
UNPUBLISHED = "nothing has been published yet: run `tally stream` or `tally publish`"
#: The same outage is written to the log this often.
AGAIN_SECONDS = 60.0
#: /ready needs no key: however often it is asked, the database is asked no more often than this.
FRESH_SECONDS = 1.0

_NEWEST = """
SELECT started_at + duration_seconds * interval '1 second' AS last_batch_at FROM newest_batches
WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
"""


class CrowdedError(DatabaseError):
    """Too many ask at once: nothing is wrong with the database."""

    def __init__(self) -> None:
        super().__init__("too many questions wait for the database: ask again in a moment", away=True)


class Outages:
    """Tells who asks, and the log, each in its own words."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._guard = threading.Lock()

    def answer(self, error: DatabaseError) -> str:
        """What whoever asks may know of it: neither where the database is nor what it said. The log has that."""
        if isinstance(error, CrowdedError):
            return str(error)
        self._note(str(error))
        if error.away:
            return AWAY
        return UNPUBLISHED if "nothing has been published" in str(error) else REFUSED

    def _note(self, sentence: str) -> None:
        with self._guard:
            now = self._clock()
            if now - self._told.get(sentence, -AGAIN_SECONDS) < AGAIN_SECONDS:
                return
            self._told = {sentence: now}
        log.warning("%s", sentence)


class Ready(BaseModel):
    """Whether questions can be answered."""

    ready: bool
    database: Literal["ok", "away", "empty"]
    last_batch_at: AwareDatetime | None = None


class Readiness:
    """Whether questions can be answered, asked of the database once a second at most, by one at a time."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._found: Ready | None = None
        self._at = 0.0
        self._asking = threading.Lock()

    def now(self) -> Ready:
        """What was found within the last second; while someone asks, what was found before."""
        found = self._found
        if found is not None and (self._clock() - self._at < FRESH_SECONDS or not self._asking.acquire(blocking=False)):
            return found
        if found is None:
            self._asking.acquire()
        try:
            if self._found is None or self._clock() - self._at >= FRESH_SECONDS:
                self._found = self._asked()
                self._at = self._clock()
            return self._found
        finally:
            self._asking.release()

    def _asked(self) -> Ready:
        def newest(ask: Questions) -> Ready:
            return Ready(ready=True, database="ok", **(ask.row(_NEWEST) or {}))

        try:
            return self._pool.ask(newest)
        except psycopg2.errors.UndefinedTable:
            return Ready(ready=False, database="empty")
        except DatabaseError as error:
            return Ready(ready=False, database="away" if error.away else "empty")
        except psycopg2.Error:
            return Ready(ready=False, database="away")
