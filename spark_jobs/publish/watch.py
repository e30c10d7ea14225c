"""Connections that are watched: a server that has stopped answering is left, and a stop ends what is still under way.

Postgres keeps to its own limits (see ``config.postgres``); a server that hangs keeps to none, and libpq would wait for it for ever.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from psycopg2 import Error
from psycopg2.extensions import connection, cursor

from spark_jobs.publish.breaker import AwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds without an answer after which the server is asked, over another connection, whether it is there.
SILENT_SECONDS = 10.0
#: Seconds that Postgres has to cancel what takes too long, before it counts as hung.
GRACE_SECONDS = 15.0
#: Seconds that a transaction which is under way has to end once publishing is to stop.
STOP_SECONDS = 3.0
LOOK_SECONDS = 0.2


class StoppedError(Exception):
    """Publishing was told to stop while a transaction was under way; Postgres undoes it."""


class WatchedCursor(cursor):
    """A cursor whose connection knows since when it waits for an answer."""

    def execute(self, query: Any, values: Any = None) -> None:
        """As any cursor does, watched."""
        with self.connection.waiting():  # type: ignore[attr-defined]
            super().execute(query, values)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """As any cursor does, watched."""
        with self.connection.waiting():  # type: ignore[attr-defined]
            super().copy_expert(sql, file, size)


class Watched(connection):
    """A connection that can be cut off by another thread while this one waits for an answer over it."""

    #: Since when the server owes an answer (None: it owes none), when it was last asked after, and why it was cut off.
    since: float | None = None
    asked_after: float = 0.0
    cut_because: str = ""

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A cursor that is watched."""
        options.setdefault("cursor_factory", WatchedCursor)
        return super().cursor(*args, **options)

    def commit(self) -> None:
        """As any connection does, watched."""
        with self.waiting():
            super().commit()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """An answer is owed while the block runs."""
        self.since = self.asked_after = time.monotonic()
        try:
            yield
        finally:
            self.since = None

    def silent_for(self) -> float:
        """Seconds for which an answer has been owed."""
        since = self.since
        return time.monotonic() - since if since is not None else 0.0

    def cut(self, because: str) -> None:
        """End it on the network: whoever waits over it hears at once that it is gone, and Postgres undoes its transaction."""
        self.cut_because = because
        with suppress(OSError, Error), socket.socket(fileno=os.dup(self.fileno())) as found:
            found.shutdown(socket.SHUT_RDWR)


@contextmanager
def told_why(made: Watched, stop: threading.Event) -> Iterator[None]:
    """What breaks over a connection that was cut off is said to be what it was cut off for."""
    try:
        yield
    except Error as error:
        if not made.cut_because:
            raise
        raise (StoppedError if stop.is_set() else AwayError)(made.cut_because) from error


class Watch:
    """Looks after the connections of a publisher. ``knock`` raises where the server does not let anyone in."""

    def __init__(self, knock: Callable[[], None], stop: threading.Event, longest: float) -> None:
        self._knock, self._stop, self._longest = knock, stop, longest
        self._watched: list[Watched] = []
        self._stopped_at: float | None = None

    def over(self, made: Watched) -> Watched:
        """The connection, watched from now on until it is closed."""
        self._watched = [one for one in self._watched if not one.closed] + [made]
        return made

    def longest_silence(self) -> float:
        """Seconds for which the server has owed the oldest of its answers."""
        return max((one.silent_for() for one in self._watched), default=0.0)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look after them while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,), name="publish watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(LOOK_SECONDS * 10)

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(LOOK_SECONDS):
            if self._stop.is_set():
                self._stopped_at = self._stopped_at or time.monotonic()
            for one in [one for one in self._watched if not one.closed and not one.cut_because]:
                if reason := self._why_cut(one):
                    one.cut(reason)

    def _why_cut(self, one: Watched) -> str:
        """Why a connection is to be cut off; empty where it may go on."""
        silent = one.silent_for()
        if not silent:
            return ""
        if self._stopped_at is not None and time.monotonic() - self._stopped_at > STOP_SECONDS:
            return "told to stop"
        if silent > self._longest + GRACE_SECONDS:
            return f"no answer for {silent:.0f} s"
        if time.monotonic() - one.asked_after > SILENT_SECONDS:
            if not self._is_there():
                return f"no answer for {silent:.0f} s, and nobody is let in"
            one.asked_after = time.monotonic()
        return ""

    def _is_there(self) -> bool:
        try:
            self._knock()
        except Exception:  # whatever it is: nobody is let in
            return False
        return True
