"""The lake kept in Postgres: lanes of tables beside one another, one breaker for all, and a note of how it stands.

Publishing reads the lake's logs and files and starts no Spark. It never touches the lake, so whatever happens to it, or to
Postgres, the lake goes on; what was not published is published later, from the version that Postgres shows.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_after_attempt, stop_never
from tenacity.stop import stop_any, stop_when_event_set

from config.postgres import connect, place
from spark_jobs.errors import TallyError
from spark_jobs.queries.lock import sole_writer
from spark_jobs.queries.publish.breaker import AwayError, Breaker, CircuitOpenError
from spark_jobs.queries.publish.lane import POLL_SECONDS, WAITS, Lane, Standing
from spark_jobs.queries.publish.schema import prepare
from spark_jobs.queries.publish.state import write_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from psycopg2.extensions import connection as Connection
    from tenacity.stop import stop_base

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.queries.publish.apply import Published
    from spark_jobs.queries.publish.targets import Target

log = logging.getLogger("tallylake.publish")

APPLICATION = "tallylake publish"
#: What is published beside what: a slow table delays those of its lane only.
LANES = ("stream", "gold", "raw")
STATE_SECONDS = 1.0


class PublishError(TallyError):
    """Something could not be published; the lake has it all the same."""


class Publisher:
    """Publishes a lake's tables to Postgres until told to stop, or until nothing is behind."""

    def __init__(
        self, settings: Settings, registry: Registry, lake: Lake, stop: threading.Event, breaker: Breaker | None = None
    ) -> None:
        self._database, self._attempts = settings.database, settings.retry.attempts
        self._registry, self._lake, self._stop = registry, lake, stop
        self.breaker = breaker or Breaker()
        self._lanes: list[Lane] = []
        #: Rows written so far.
        self.rows = 0

    @property
    def standings(self) -> list[Standing]:
        """How each table stands."""
        return [standing for lane in self._lanes for standing in lane.standings]

    def run(self) -> None:
        """Publish until told to stop; MigrationError or DatabaseError where the database cannot be used at all."""
        with self._noting(), self._sole():
            with suppress(AwayError, CircuitOpenError):  # told to stop before Postgres was there
                self._prepare(stop_never)
            threads = [threading.Thread(target=lane.run, name=f"publish {lane.name}") for lane in self._lanes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def catch_up(self) -> None:
        """Publish until nothing is behind; PublishError says what could not be, after RETRY_ATTEMPTS attempts."""
        with self._noting(), self._sole():
            try:
                self._prepare(stop_after_attempt(self._attempts))
                for lane in self._lanes:
                    lane.catch_up(self._attempts)
            except (AwayError, CircuitOpenError) as error:
                outage = self.breaker.outage or AwayError(error)
                told = f"{place(self._database)} {outage.trouble} ({outage})"
                raise PublishError(f"{told}: {outage.way_out}, then run `tally publish --once`") from error
        failed = [f"{one.target.name}: {one.error}" for one in self.standings if one.error]
        if failed:
            raise PublishError(f"some tables could not be published: {'; '.join(failed)}")

    def settle(self, seconds: float) -> None:
        """Wait until nothing is behind, but no longer than that, and not while Postgres is away."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.breaker.state == "closed" and not self.breaker.error:
            if self._lanes and not any(one.is_behind_now() for one in self.standings):
                return
            time.sleep(POLL_SECONDS)

    def _sole(self) -> AbstractContextManager[None]:
        return sole_writer(self._lake.publish_lock, "publishing", "done from")

    def _prepare(self, stop: stop_base) -> None:
        """Have what publishing needs in the database, and the lanes; again and again while Postgres is away."""
        retrying = Retrying(
            retry=retry_if_exception_type((AwayError, CircuitOpenError)),
            wait=WAITS,
            stop=stop_any(stop, stop_when_event_set(self._stop)),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )
        wanted = retrying(self.breaker.run, self._prepared)
        log.info("publishing %d tables to %s", len(wanted), place(self._database))
        lanes = [(name, [target for target in wanted if target.lane == name]) for name in LANES]
        self._lanes = [
            Lane(name, targets, self._connect, self.breaker, self._stop, self._published) for name, targets in lanes
        ]

    def _prepared(self) -> tuple[Target, ...]:
        connection = connect(self._database, "owner", application=APPLICATION)
        try:
            embedded = self._database.url is None and self._database.host is None
            raw = self._database.raw_events == "on"
            return prepare(connection, self._registry, self._lake, raw_events=raw, login_roles=embedded)
        finally:
            connection.close()

    def _connect(self) -> Connection:
        return connect(self._database, "writer", application=APPLICATION)

    def _published(self, done: Sequence[tuple[Target, Published]], seconds: float) -> None:
        self.rows += sum(one.written for _, one in done)
        told = ", ".join(f"{target.name} {_in_words(one)}" for target, one in done if one.written or one.deleted)
        if told:
            log.info("[Published] %s in %.2f s", told, seconds)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep the note of how publishing stands up to date, also in the end."""
        ended = threading.Event()
        note = threading.Thread(target=self._note, args=(ended,), name="publish state", daemon=True)
        note.start()
        try:
            yield
        finally:
            ended.set()
            note.join()

    def _note(self, ended: threading.Event) -> None:
        last: dict[str, Any] = {}
        over = False
        while not over:
            over = ended.wait(STATE_SECONDS if last else 0)
            if (now := self._state()) != last:
                write_state(self._lake, now)
                last = now

    def _state(self) -> dict[str, Any]:
        return {
            "postgres": place(self._database),
            "circuit": self.breaker.state,
            "failures": self.breaker.failures,
            "error": self.breaker.error,
            "tables": [one.to_json() for one in self.standings],
        }


def _in_words(done: Published) -> str:
    return f"+{done.written:,}" + (f" -{done.deleted:,}" if done.deleted else "")
