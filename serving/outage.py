"""Errors of the database: a sentence for the client, the details for the log."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from serving.errors import PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.errors import DatabaseError

log = logging.getLogger("tallylake.serving")

AWAY = "the database cannot be reached now: ask again in a moment"
REFUSED = "the database does not let this server in: whoever runs it finds the reason in its log"
UNPUBLISHED = "nothing has been published yet: run `tally stream` or `tally publish`"
#: The same outage is written to the log this often.
LOG_SECONDS = 60.0


class Outages:
    """Turns database errors into sentences for clients, and writes their details to the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def sentence_for(self, error: DatabaseError) -> str:
        """Return the sentence for the client, without where the database is or what it said: that goes to the log."""
        if isinstance(error, PoolTimeoutError):
            return str(error)
        self._log(str(error))
        if error.away:
            return AWAY
        return UNPUBLISHED if "nothing has been published" in str(error) else REFUSED

    def _log(self, sentence: str) -> None:
        with self._lock:
            now = self._clock()
            if now - self._logged.get(sentence, -LOG_SECONDS) < LOG_SECONDS:
                return
            self._logged = {sentence: now}
        log.warning("%s", sentence)
