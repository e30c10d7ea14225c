"""How the stream stands, told to Postgres: the rows of ``stream_state``, for those who cannot see the lake.

Written twice, the second takes the first one's place. A Postgres that is away hears it later; nothing waits for that.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from psycopg2 import Error

from config.errors import DatabaseError
from spark_jobs.microbatch.lock import is_held
from spark_jobs.microbatch.stream_state import QueryState, read_stream_state
from spark_jobs.publish.breaker import AwayError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection as Connection

    from spark_jobs.lake import Lake

log = logging.getLogger("tallylake.publish")

QUERIES = ("ingest", "refine")
#: Seconds between two looks, and after which what has not changed is said again: ``heard_at`` tells of a live publisher.
LOOK_SECONDS, SAY_AGAIN_SECONDS = 1.0, 20.0
#: Longest error that is told; all of it is in the stream's own log.
SHOWN = 500
_ROW = """
INSERT INTO stream_state (subject, query, state, since, failures, error, step, heard_at) VALUES (%s, %s, %s, %s, %s, %s, %s, now())
ON CONFLICT (subject, query) DO UPDATE SET state = excluded.state, since = excluded.since, failures = excluded.failures,
    error = excluded.error, step = excluded.step, heard_at = excluded.heard_at
"""


def states(lake: Lake, subjects: Sequence[str]) -> list[QueryState]:
    """How each query of each subject stands; ``stopped`` where no process streams it and nothing was given up."""
    found = []
    for subject in subjects:
        noted = {
            state.query: state for state in read_stream_state(lake, subject, streaming=is_held(lake.lock(subject)))
        }
        found += [noted.get(query, QueryState(subject, query, "stopped")) for query in QUERIES]
    return found


def tell(connection: Connection, told: Sequence[QueryState]) -> None:
    """Write the rows, in one transaction. NUL, which Postgres holds in no text, is left out."""
    with connection, connection.cursor() as cursor:
        for one in told:
            error = one.error[:SHOWN].replace("\0", "")
            step = one.step[:SHOWN].replace("\0", "")
            cursor.execute(_ROW, (one.subject, one.query, one.state, one.since, one.failures, error, step))


class StreamRows:
    """Keeps ``stream_state`` up to date while a publisher runs."""

    def __init__(self, lake: Lake, subjects: Sequence[str], connect: Callable[[], Connection]) -> None:
        self._lake, self._subjects, self._connect = lake, subjects, connect
        self._told: list[QueryState] = []
        self._at = float("-inf")

    def run(self, stop: threading.Event, is_away: Callable[[], bool]) -> None:
        """Tell until told to stop; not while Postgres is away, as the lanes will find out when it is back."""
        while not stop.wait(LOOK_SECONDS):
            if not is_away():
                self.tell_news()

    def tell_news(self) -> None:
        """Tell what has changed, or after a while that nothing has. What fails is tried again with the next look."""
        now = states(self._lake, self._subjects)
        if now == self._told and time.monotonic() - self._at < SAY_AGAIN_SECONDS:
            return
        try:
            connection = self._connect()
            try:
                tell(connection, now)
            finally:
                connection.close()
        except (Error, DatabaseError, AwayError) as error:
            log.debug("how the stream stands was not told to Postgres: %s", error)
        else:
            self._told, self._at = now, time.monotonic()
