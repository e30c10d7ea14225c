"""Some tables published in turn over one connection, each as soon as the lake has a newer version of it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_never,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_any, stop_when_event_set

from spark_jobs.publish.apply import Published, publish_version
from spark_jobs.publish.breaker import AwayError, Breaker, CircuitOpenError
from spark_jobs.publish.refusals import RefusedError, sentence
from spark_jobs.publish.watch import StoppedError, told_why
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from tenacity.stop import stop_base

    from spark_jobs.publish.targets import Target
    from spark_jobs.publish.watch import Watched
    from spark_jobs.storage.snapshot import Snapshot

log = logging.getLogger("tallylake.publish")

#: Seconds between two looks at the logs of the tables; a look costs about 0.1 ms a table.
POLL_SECONDS = 0.1
#: Waits while Postgres is away: they grow, and no two publishers wait alike.
WAITS = wait_exponential(multiplier=0.2, max=10) + wait_random(0, 1)
#: The longest wait of a table that Postgres refuses.
LONGEST_WAIT = 60.0


@dataclass(slots=True)
class Standing:
    """A table: the version that Postgres shows (None: not known yet), the lake's newest, and what is wrong with it.

    ``refused``: Postgres has no such table for now, so that there is nothing to try.
    """

    target: Target
    shown: Snapshot | None = None
    newest: int | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""
    refused: bool = False

    @property
    def behind(self) -> bool:
        """Whether the lake had a newer version, when it was looked at last, than Postgres is known to show."""
        return self.newest is not None and (self.shown is None or self.shown.version != self.newest)

    def is_behind_now(self) -> bool:
        """Whether the lake has a newer version at this moment, which nothing is known to be wrong with."""
        if self.error:
            return False
        try:
            newest = open_snapshot(self.target.table.path)
        except Exception:  # its lane says what is wrong with it
            return False
        return newest is not None and newest is not self.shown

    def to_json(self) -> dict[str, Any]:
        """A plain form for the note of how publishing stands."""
        return {
            "lake_table": self.target.table.name,
            "table": self.target.name,
            "shown": self.shown.version if self.shown is not None else None,
            "error": self.error,
        }


@dataclass(slots=True)
class Deaths:
    """How often a lane came to an end that nobody had foreseen, and what the last one was."""

    count: int = 0
    last: str = ""
    at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain form for the note of how publishing stands."""
        return {"deaths": self.count, "error": self.last, "died_at": self.at.isoformat() if self.at else None}


class Lane:
    """Publishes some tables in turn. One table's failure does not stop the others; Postgres away stops none for good.

    ``refusal`` says why a target has no table in Postgres, if it has none.
    """

    def __init__(
        self,
        name: str,
        targets: Sequence[Target],
        connect: Callable[[], Watched],
        breaker: Breaker,
        stop: threading.Event,
        told: Callable[[Sequence[tuple[Target, Published]], float], None],
        refusal: Callable[[Target], str] = lambda _: "",
    ) -> None:
        self.name, self.standings = name, [Standing(target) for target in targets]
        self.deaths = Deaths()
        self._connect, self._breaker, self._stop, self._told = connect, breaker, stop, told
        self._refusal = refusal
        self._connection: Watched | None = None
        self._done: list[tuple[Target, Published]] = []

    def keep_running(self) -> None:
        """Publish until told to stop. Whatever ends it otherwise is noted, and it starts again after a while."""
        while not self._stop.is_set():
            try:
                self.run()
            except Exception as error:  # nobody has foreseen it: what is done with it must not depend on what it is
                self.deaths = Deaths(self.deaths.count + 1, sentence(error), datetime.now(UTC))
                wait = min(2.0 ** (self.deaths.count - 1), LONGEST_WAIT)
                log.error(
                    "the lane %s died and starts again in %.0f s: %s", self.name, wait, sentence(error), exc_info=error
                )
                self._stop.wait(wait)

    def run(self) -> None:
        """Publish until told to stop."""
        retrying = self._retrying(stop_never)
        try:
            while not self._stop.is_set():
                retrying(self._round)
                self._stop.wait(POLL_SECONDS)
        except (AwayError, CircuitOpenError, StoppedError):
            log.debug("%s: told to stop while Postgres was away or busy", self.name)
        finally:
            self._disconnect()

    def catch_up(self, attempts: int) -> None:
        """Publish until nothing is behind; give up a table, or all of it, after that many failures in a row.

        AwayError or CircuitOpenError where Postgres stays away. What is left behind says so in ``standings``.
        """
        retrying = self._retrying(stop_after_attempt(attempts))
        try:
            while not self._stop.is_set():
                retrying(self._round)
                waiting = [one for one in self.standings if one.behind and one.failures < attempts and not one.refused]
                if not waiting:
                    return
                self._stop.wait(POLL_SECONDS)
        finally:
            self._disconnect()

    def _retrying(self, stop: stop_base) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type((AwayError, CircuitOpenError)),
            wait=WAITS,
            stop=stop_any(stop, stop_when_event_set(self._stop)),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )

    def _round(self) -> None:
        """Look at every table once, and tell what was published, also where Postgres goes away in the middle."""
        begun = time.monotonic()
        try:
            for standing in self.standings:
                if not self._stop.is_set():
                    self._look_at(standing)
        finally:
            if self._done:
                self._told(self._done, time.monotonic() - begun)
                self._done = []

    def _look_at(self, standing: Standing) -> None:
        is_due = time.monotonic() >= standing.retry_at or (standing.refused and not self._refusal(standing.target))
        try:
            newest = open_snapshot(standing.target.table.path)
        except Exception as error:  # a log that cannot be read is that table's trouble
            if is_due:
                self._failed(standing, f"its log in the lake cannot be read: {sentence(error)}")
            return
        if newest is None or newest is standing.shown:
            return
        standing.newest = newest.version
        if is_due:
            self._tend(standing, newest)

    def _tend(self, standing: Standing, newest: Snapshot) -> None:
        try:
            self._breaker.run(lambda: self._publish(standing, newest))
        except (AwayError, CircuitOpenError, StoppedError):
            self._disconnect()
            raise
        except FileNotFoundError as error:  # vacuumed between looking and reading; there is a newer version by now
            self._failed(standing, f"a file of version {newest.version} is gone: {error.filename}")
        except Exception as error:
            standing.refused = isinstance(error, RefusedError)
            self._failed(standing, sentence(error))
            log.debug("%s", standing.target.name, exc_info=error)
        else:
            standing.shown, standing.failures, standing.error, standing.refused = newest, 0, "", False

    def _publish(self, standing: Standing, newest: Snapshot) -> None:
        if reason := self._refusal(standing.target):
            raise RefusedError(reason)
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        with told_why(self._connection, self._stop):
            done = publish_version(self._connection, standing.target, newest, standing.shown)
        if done is not None:
            self._done.append((standing.target, done))

    def _failed(self, standing: Standing, error: str) -> None:
        """Try this table again later. A new connection, as the temporary tables of this one may have the old form."""
        self._disconnect()
        standing.failures += 1
        wait = min(2.0 ** (standing.failures - 1), LONGEST_WAIT)
        standing.retry_at = time.monotonic() + wait
        standing.error = error
        log.warning("%s cannot be published, again in %.0f s: %s", standing.target.name, wait, error)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
