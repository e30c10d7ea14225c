"""Connections that are watched: one to a server that has stopped answering is cut, and so is one that keeps a stop waiting.

Postgres keeps to its own limits (see ``config.postgres``); a server that hangs keeps to none, and libpq would wait for ever.
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

from spark_jobs.publish.errors import AwayError, StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds without an answer after which the server is probed over another connection.
SILENT_SECONDS = 10.0
#: Seconds that Postgres has to cancel what takes too long, before it counts as hung.
GRACE_SECONDS = 15.0
#: Seconds that a transaction which is under way has to end once publishing is to stop.
STOP_SECONDS = 3.0
#: Seconds between two checks of the connections.
CHECK_SECONDS = 0.2


class WatchedCursor(cursor):
    """A cursor whose connection knows since when it waits for an answer."""

    def execute(self, query: Any, values: Any = None) -> None:
        """Execute as any cursor does, watched."""
        with self.connection.waiting():  # type: ignore[attr-defined]
            super().execute(query, values)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """Copy as any cursor does, watched."""
        with self.connection.waiting():  # type: ignore[attr-defined]
            super().copy_expert(sql, file, size)


class WatchedConnection(connection):
    """A connection that another thread can cut while this one waits for an answer over it."""

    #: Since when an answer is owed (None: none is), when the server was last probed for it, and why the connection was cut.
    waiting_since: float | None = None
    probed_at: float = 0.0
    cut_reason: str = ""

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Return a cursor that is watched."""
        options.setdefault("cursor_factory", WatchedCursor)
        return super().cursor(*args, **options)

    def commit(self) -> None:
        """Commit as any connection does, watched."""
        with self.waiting():
            super().commit()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for an answer."""
        self.waiting_since = self.probed_at = time.monotonic()
        try:
            yield
        finally:
            self.waiting_since = None

    def silent_seconds(self) -> float:
        """Return for how long an answer has been owed; 0 where none is."""
        since = self.waiting_since
        return time.monotonic() - since if since is not None else 0.0

    def cut(self, reason: str) -> None:
        """End it on the network: whoever waits over it gets an error at once, and Postgres undoes its transaction."""
        self.cut_reason = reason
        with suppress(OSError, Error), socket.socket(fileno=os.dup(self.fileno())) as shared:
            shared.shutdown(socket.SHUT_RDWR)


@contextmanager
def raising_cut_reason(watched: WatchedConnection, stop: threading.Event) -> Iterator[None]:
    """Raise an error over a connection that was cut as the reason for the cut: StoppedError after a stop, else AwayError."""
    try:
        yield
    except Error as error:
        if not watched.cut_reason:
            raise
        raise (StoppedError if stop.is_set() else AwayError)(watched.cut_reason) from error


class Watchdog:
    """Watches the open connections of one publisher. ``probe`` raises where the server lets nobody in.

    ``longest``: seconds that a statement may take.
    """

    def __init__(self, probe: Callable[[], None], stop: threading.Event, longest: float) -> None:
        self._probe, self._stop, self._longest = probe, stop, longest
        self._lock = threading.Lock()
        self._connections: list[WatchedConnection] = []
        self._stopped_at: float | None = None

    def watch(self, made: WatchedConnection) -> WatchedConnection:
        """Watch the connection from now on until it is closed, and return it."""
        with self._lock:
            self._connections = [one for one in self._connections if not one.closed] + [made]
        return made

    def longest_silence(self) -> float:
        """Return the seconds for which the oldest answer has been owed."""
        return max((one.silent_seconds() for one in self._connections), default=0.0)

    @property
    def trouble(self) -> str:
        """A sentence where Postgres has not answered for a while, else an empty text."""
        return "no answer for more than 10 s" if self.longest_silence() > SILENT_SECONDS else ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Check the connections while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._check_until, args=(ended,), name="publish watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(CHECK_SECONDS * 10)

    def _check_until(self, ended: threading.Event) -> None:
        while not ended.wait(CHECK_SECONDS):
            if self._stop.is_set():
                self._stopped_at = self._stopped_at or time.monotonic()
            for one in [one for one in self._connections if not one.closed and not one.cut_reason]:
                if reason := self._reason_to_cut(one):
                    one.cut(reason)

    def _reason_to_cut(self, one: WatchedConnection) -> str:
        """Return why the connection is to be cut; empty where it may go on."""
        silent = one.silent_seconds()
        if not silent:
            return ""
        if self._stopped_at is not None and time.monotonic() - self._stopped_at > STOP_SECONDS:
            return "told to stop"
        if silent > self._longest + GRACE_SECONDS:
            return f"no answer for {silent:.0f} s"
        if time.monotonic() - one.probed_at > SILENT_SECONDS:
            if not self._is_there():
                return f"no answer for {silent:.0f} s, and nobody is let in"
            one.probed_at = time.monotonic()
        return ""

    def _is_there(self) -> bool:
        try:
            self._probe()
        except Exception:  # whatever it is: nobody is let in
            return False
        return True
