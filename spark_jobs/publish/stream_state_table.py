"""The table ``stream_state`` of Postgres: the state of each query of the stream, for those who cannot see the lake.

Written twice, the second writing replaces the first. Where Postgres is away it is written later; nothing waits for that.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from typing import TYPE_CHECKING

from psycopg2 import Error

from config.errors import DatabaseError
from spark_jobs.microbatch.lock import is_held
from spark_jobs.microbatch.stream_state import QueryState, read_stream_state
from spark_jobs.publish.errors import AwayError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection as Connection

    from spark_jobs.lake import Lake

log = logging.getLogger("tallylake.publish")

QUERIES = ("ingest", "refine")
#: Seconds between two looks, and after which unchanged states are written again: ``heard_at`` shows that a publisher lives.
LOOK_SECONDS, WRITE_AGAIN_SECONDS = 1.0, 20.0
#: Longest error that is shown; all of it is in the stream's own log.
SHOWN = 500
_ROW = """
INSERT INTO stream_state (subject, query, state, since, failures, error, step, heard_at) VALUES (%s, %s, %s, %s, %s, %s, %s, now())
ON CONFLICT (subject, query) DO UPDATE SET state = excluded.state, since = excluded.since, failures = excluded.failures,
    error = excluded.error, step = excluded.step, heard_at = excluded.heard_at
"""


def query_states(lake: Lake, subjects: Sequence[str]) -> list[QueryState]:
    """Return the state of each query of each subject; ``stopped`` where no process streams it and nothing was given up."""
    states: list[QueryState] = []
    for subject in subjects:
        noted = read_stream_state(lake, subject, streaming=is_held(lake.lock(subject)))
        by_query = {state.query: state for state in noted}
        states += [by_query.get(query, QueryState(subject, query, "stopped")) for query in QUERIES]
    return states


class StreamStateTable:
    """Keeps ``stream_state`` up to date while a publisher runs, and remembers what it last wrote."""

    def __init__(self, lake: Lake, subjects: Sequence[str], connect: Callable[[], Connection]) -> None:
        self._lake, self._subjects, self._connect = lake, subjects, connect
        self._written: list[QueryState] = []
        self._written_at = float("-inf")

    def run(self, stop: threading.Event, is_away: Callable[[], bool]) -> None:
        """Update until told to stop; not while Postgres is away, as the workers will find out when it is back."""
        while not stop.wait(LOOK_SECONDS):
            if not is_away():
                self.update()

    def update(self) -> None:
        """Write the states if any has changed, or after a while all the same. What fails is tried again with the next look."""
        now = query_states(self._lake, self._subjects)
        if now == self._written and time.monotonic() - self._written_at < WRITE_AGAIN_SECONDS:
            return
        try:
            with closing(self._connect()) as connection:
                _write(connection, now)
        except (Error, DatabaseError, AwayError) as error:
            log.debug("how the stream stands was not told to Postgres: %s", error)
        else:
            self._written, self._written_at = now, time.monotonic()


def _write(connection: Connection, states: Sequence[QueryState]) -> None:
    """Write the rows, in one transaction. NUL, which Postgres holds in no text, is left out."""
    with connection, connection.cursor() as cursor:
        for one in states:
            error = one.error[:SHOWN].replace("\0", "")
            step = one.step[:SHOWN].replace("\0", "")
            cursor.execute(_ROW, (one.subject, one.query, one.state, one.since, one.failures, error, step))
