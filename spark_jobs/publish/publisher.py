"""The publisher: keeps a lake's tables in Postgres, by a few workers at the same time that share one circuit breaker.

Publishing reads the lake's logs and files and starts no Spark. It never touches the lake, so whatever happens to it, or to
Postgres, the lake goes on; what was not published is published later, from the version that Postgres shows.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from psycopg2.errors import LockNotAvailable, QueryCanceled

from config.postgres import CONNECT_SECONDS, connect
from config.postgres_login import display_name, is_embedded
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.publish.breaker import UNAVAILABLE, Breaker
from spark_jobs.publish.errors import AwayError, PublishError, StoppedError, describe
from spark_jobs.publish.retries import while_away
from spark_jobs.publish.schema import prepare_database
from spark_jobs.publish.state import StateWriter
from spark_jobs.publish.stream_state_table import StreamStateTable
from spark_jobs.publish.watchdog import STOP_SECONDS, Watchdog, WatchedConnection, raising_cut_reason
from spark_jobs.publish.worker import POLL_SECONDS, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from threading import Event

    from config.postgres_login import Role
    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.publish.table_progress import TableProgress
    from spark_jobs.publish.target import Target
    from spark_jobs.publish.transaction import Published

log = logging.getLogger("tallylake.publish")

APPLICATION = "tallylake publish"
#: The workers by name, which targets refer to: a slow table delays those of its own worker only.
WORKERS = ("stream", "gold", "raw")
#: Seconds after which what Postgres refused to make is tried again.
PREPARE_AGAIN_SECONDS = 60.0
#: Seconds without an answer after which a stop no longer waits for what is behind to be published.
SILENCE_AT_STOP_SECONDS = 2.0


class Publisher:
    """Publishes a lake's tables to Postgres until told to stop, or until nothing is behind."""

    def __init__(
        self, settings: Settings, registry: Registry, lake: Lake, stop: Event, breaker: Breaker | None = None
    ) -> None:
        self._database, self._attempts = settings.database, settings.retry.attempts
        self._registry, self._lake, self._stop = registry, lake, stop
        self.breaker = breaker or Breaker()
        self.watchdog = Watchdog(self._probe, stop, settings.database.statement_timeout.total_seconds())
        self._workers: list[Worker] = []
        self._state_writer = StateWriter(lake, self._state)
        self._stream_state = StreamStateTable(lake, sorted(registry.subjects), self._connect)
        #: What Postgres refused to make, with the reasons: tables by their names in the lake, views by theirs.
        self.refused: Mapping[str, str] = {}
        #: Why nothing can be published at all; empty where something can.
        self.trouble = ""
        #: Rows written so far.
        self.rows = 0

    @property
    def tables(self) -> list[TableProgress]:
        """How far each table is published."""
        return [table for worker in self._workers for table in worker.tables]

    def run(self) -> None:
        """Publish until told to stop; MigrationError or DatabaseError where the database cannot be used at all."""
        with self._running():
            with suppress(*UNAVAILABLE, StoppedError):  # told to stop before Postgres was there
                self._prepare()
            threads = self._start_threads()
            while not self._stop.wait(PREPARE_AGAIN_SECONDS):
                self._prepare_again()
            for thread in threads:
                thread.join(STOP_SECONDS + 2 * CONNECT_SECONDS)

    def catch_up(self) -> None:
        """Publish until nothing is behind; PublishError says what could not be, after RETRY_ATTEMPTS attempts."""
        with self._running():
            try:
                self._prepare(self._attempts)
                for worker in self._workers:
                    worker.catch_up(self._attempts)
                self._stream_state.update()
            except UNAVAILABLE as error:
                outage = self.breaker.outage or AwayError(error)
                where = f"{display_name(self._database)} {outage.trouble} ({outage})"
                raise PublishError(f"{where}: {outage.way_out}, then run `tally publish --once`") from error
            except StoppedError:
                return
        if failures := self._failures():
            raise PublishError(f"some tables could not be published: {'; '.join(failures)}")

    def wait_until_published(self, seconds: float) -> None:
        """Wait until nothing is behind, but no longer than that, and not while Postgres is away or does not answer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.breaker.state == "closed" and not self.breaker.error:
            if self.watchdog.longest_silence() > SILENCE_AT_STOP_SECONDS:
                return
            if self._workers and not any(table.is_behind_now() for table in self.tables):
                return
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Be the lake's only publisher while the block runs, with its state written down and its connections watched."""
        with sole_writer(self._lake.publish_lock, "publishing", "done from"), self._state_writer.running():
            self.trouble = ""
            try:
                with self.watchdog.running():
                    yield
            except Exception as error:
                self.trouble = describe(error)
                raise

    def _start_threads(self) -> list[Thread]:
        """Start a thread for each worker, and one for the state of the stream."""
        threads = [
            Thread(target=worker.keep_running, name=f"publish {worker.name}", daemon=True) for worker in self._workers
        ]
        stream_state = (self._stop, self._is_away)
        threads.append(Thread(target=self._stream_state.run, args=stream_state, name="stream state", daemon=True))
        for thread in threads:
            thread.start()
        return threads

    def _failures(self) -> list[str]:
        """Return what is wrong with which tables, or with views that have none."""
        failed = [f"{table.target.name}: {table.error}" for table in self.tables if table.error]
        names = {table.target.table.name for table in self.tables}
        return failed + [f"{name}: {reason}" for name, reason in self.refused.items() if name not in names]

    def _prepare(self, attempts: int | None = None) -> None:
        """Have what publishing needs in the database, and the workers; again and again while Postgres is away."""
        targets = while_away(self._stop, attempts)(self.breaker.run, self._prepare_database)
        for name, reason in self.refused.items():
            log.warning("%s cannot be made in Postgres: %s", name, reason)
        log.info("publishing %d tables to %s", len(targets), display_name(self._database))
        self._workers = [
            self._worker(name, [target for target in targets if target.worker == name]) for name in WORKERS
        ]

    def _worker(self, name: str, targets: Sequence[Target]) -> Worker:
        return Worker(name, targets, self._connect, self.breaker, self._stop, self._on_published, self._refusal)

    def _prepare_database(self) -> tuple[Target, ...]:
        connection = self._connect("owner")
        try:
            with raising_cut_reason(connection, self._stop):
                prepared = prepare_database(
                    connection,
                    self._registry,
                    self._lake,
                    schema=self._database.schema,
                    raw_events=self._database.raw_events == "on",
                    login_roles=is_embedded(self._database),
                )
        except (LockNotAvailable, QueryCanceled) as error:  # of what all tables need
            raise AwayError(f"{describe(error)} while it was being prepared") from error
        finally:
            connection.close()
        self.refused = prepared.refused
        return prepared.targets

    def _prepare_again(self) -> None:
        """Try again what Postgres refused to make: what was in the way may be gone."""
        if self.refused:
            try:
                self.breaker.run(self._prepare_database)
            except Exception as error:  # the workers say what is wrong with Postgres
                log.debug("not prepared again: %s", describe(error))

    def _is_away(self) -> bool:
        return self.breaker.state != "closed" or not self._workers

    def _refusal(self, target: Target) -> str:
        return self.refused.get(target.table.name, "")

    def _connect(self, role: Role = "writer") -> WatchedConnection:
        made = connect(self._database, role, application=APPLICATION, factory=WatchedConnection)
        assert isinstance(made, WatchedConnection)
        return self.watchdog.watch(made)

    def _probe(self) -> None:
        connect(self._database, "writer", application=APPLICATION).close()

    def _on_published(self, done: Sequence[tuple[Target, Published]], seconds: float) -> None:
        self.rows += sum(one.written for _, one in done)
        changed = ", ".join(f"{target.name} {_in_words(one)}" for target, one in done if one.written or one.deleted)
        if changed:
            log.info("[Published] %s in %.2f s", changed, seconds)

    def _state(self) -> dict[str, Any]:
        """Return the content of the state file."""
        return {
            "postgres": display_name(self._database),
            "circuit": self.breaker.state,
            "failures": self.breaker.failures,
            "error": self.watchdog.trouble or self.breaker.error or self.trouble,
            "tables": [table.to_json() for table in self.tables],
            "refused": dict(self.refused),
            "lanes": [worker.state.to_json() for worker in self._workers],
        }


def _in_words(done: Published) -> str:
    return f"+{done.written:,}" + (f" -{done.deleted:,}" if done.deleted else "")
