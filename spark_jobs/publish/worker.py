"""A worker: publishes some tables in turn over one connection, each as soon as the lake has a newer version of it.

``tally status`` and the state file call it a lane.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spark_jobs.publish.breaker import UNAVAILABLE, Breaker
from spark_jobs.publish.errors import RefusedError, StoppedError, describe
from spark_jobs.publish.retries import wait_after, while_away
from spark_jobs.publish.state import WorkerState
from spark_jobs.publish.table_progress import TableProgress
from spark_jobs.publish.transaction import Published, publish_version
from spark_jobs.publish.watchdog import raising_cut_reason
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from spark_jobs.publish.target import Target
    from spark_jobs.publish.watchdog import WatchedConnection
    from spark_jobs.storage.snapshot import Snapshot

    #: Called after each poll that published something: what was done for which targets, and the seconds it took.
    OnPublished = Callable[[Sequence[tuple[Target, Published]], float], None]

log = logging.getLogger("tallylake.publish")

#: Seconds between two polls of the tables' logs; a poll costs about 0.1 ms a table.
POLL_SECONDS = 0.1


class Worker:
    """Publishes some tables in turn. One table's failure does not stop the others; Postgres away stops none for good.

    ``refusal`` returns why a target has no table in Postgres, or an empty text.
    """

    def __init__(
        self,
        name: str,
        targets: Sequence[Target],
        connect: Callable[[], WatchedConnection],
        breaker: Breaker,
        stop: threading.Event,
        on_published: OnPublished,
        refusal: Callable[[Target], str] = lambda _: "",
    ) -> None:
        self.name, self.tables, self.state = name, [TableProgress(target) for target in targets], WorkerState(name)
        self._connect, self._breaker, self._stop = connect, breaker, stop
        self._on_published, self._refusal = on_published, refusal
        self._connection: WatchedConnection | None = None
        self._done: list[tuple[Target, Published]] = []

    def keep_running(self) -> None:
        """Publish until told to stop. Whatever ends it otherwise is noted, and it starts again after a while."""
        while not self._stop.is_set():
            try:
                self.run()
            except Exception as error:  # nobody has foreseen it: what is done with it must not depend on what it is
                self._crashed(error)

    def _crashed(self, error: Exception) -> None:
        deaths, now = self.state.deaths + 1, datetime.now(UTC)
        self.state = WorkerState(self.name, deaths, describe(error), now.isoformat())
        wait = wait_after(deaths)
        log.error("the lane %s died and starts again in %.0f s: %s", self.name, wait, describe(error), exc_info=error)
        self._stop.wait(wait)

    def run(self) -> None:
        """Publish until told to stop."""
        retrying = while_away(self._stop)
        try:
            while not self._stop.is_set():
                retrying(self._poll_all)
                self._stop.wait(POLL_SECONDS)
        except (*UNAVAILABLE, StoppedError):
            log.debug("%s: told to stop while Postgres was away or busy", self.name)
        finally:
            self._disconnect()

    def catch_up(self, attempts: int) -> None:
        """Publish until nothing is behind; give up a table, or all of it, after that many failures in a row.

        AwayError or CircuitOpenError where Postgres stays away. What is left behind says so in ``tables``.
        """
        retrying = while_away(self._stop, attempts)
        try:
            while not self._stop.is_set():
                retrying(self._poll_all)
                if not any(one.is_behind and one.failures < attempts and not one.refused for one in self.tables):
                    return
                self._stop.wait(POLL_SECONDS)
        finally:
            self._disconnect()

    def _poll_all(self) -> None:
        """Poll every table once, and report what was published, also where Postgres goes away in the middle."""
        started = time.monotonic()
        try:
            for table in self.tables:
                if not self._stop.is_set():
                    self._poll(table)
        finally:
            if self._done:
                self._on_published(self._done, time.monotonic() - started)
                self._done = []

    def _poll(self, table: TableProgress) -> None:
        """Publish the table where its log has a newer version and it is due, or what refused it is gone."""
        is_due = table.is_due or (table.refused and not self._refusal(table.target))
        try:
            newest = open_snapshot(table.target.table.path)
        except Exception as error:  # a log that cannot be read is that table's trouble
            if is_due:
                self._fail(table, f"its log in the lake cannot be read: {describe(error)}")
            return
        if newest is None or newest is table.shown:
            return
        table.newest = newest.version
        if is_due:
            self._publish(table, newest)

    def _publish(self, table: TableProgress, newest: Snapshot) -> None:
        """Publish the version, and note how that went; an outage or a stop is raised."""
        try:
            self._breaker.run(lambda: self._send(table, newest))
        except (*UNAVAILABLE, StoppedError):
            self._disconnect()
            raise
        except FileNotFoundError as error:  # vacuumed between polling and reading; there is a newer version by now
            self._fail(table, f"a file of version {newest.version} is gone: {error.filename}")
        except Exception as error:
            table.refused = isinstance(error, RefusedError)
            self._fail(table, describe(error))
            log.debug("%s", table.target.name, exc_info=error)
        else:
            table.succeed(newest)

    def _send(self, table: TableProgress, newest: Snapshot) -> None:
        if reason := self._refusal(table.target):
            raise RefusedError(reason)
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        with raising_cut_reason(self._connection, self._stop):
            done = publish_version(self._connection, table.target, newest, table.shown)
        if done is not None:
            self._done.append((table.target, done))

    def _fail(self, table: TableProgress, error: str) -> None:
        """Try this table again later. A new connection, as the temporary tables of this one may have the old form."""
        self._disconnect()
        wait = table.fail(error)
        log.warning("%s cannot be published, again in %.0f s: %s", table.target.name, wait, error)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
