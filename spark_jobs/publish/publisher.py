"""The lake kept in Postgres: lanes of tables beside one another, one breaker for all, and a note of how it stands.

Publishing reads the lake's logs and files and starts no Spark. It never touches the lake, so whatever happens to it, or to
Postgres, the lake goes on; what was not published is published later, from the version that Postgres shows.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from psycopg2.errors import LockNotAvailable, QueryCanceled
from tenacity import Retrying, retry_if_exception_type, sleep_using_event, stop_after_attempt, stop_never
from tenacity.stop import stop_any, stop_when_event_set

from config.postgres import CONNECT_SECONDS, connect
from config.postgres_login import display_name, is_embedded
from spark_jobs.errors import TallyError
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.publish.breaker import AwayError, Breaker, CircuitOpenError
from spark_jobs.publish.refusals import sentence
from spark_jobs.publish.schema import prepare
from spark_jobs.publish.state import write_state
from spark_jobs.publish.stream_rows import StreamRows
from spark_jobs.publish.watch import SILENT_SECONDS, STOP_SECONDS, StoppedError, Watch, Watched, told_why
from spark_jobs.publish.worker import POLL_SECONDS, WAITS, Lane, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tenacity.stop import stop_base

    from config.postgres_login import Role
    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.publish.apply import Published
    from spark_jobs.publish.targets import Target

log = logging.getLogger("tallylake.publish")

APPLICATION = "tallylake publish"
#: What is published beside what: a slow table delays those of its lane only.
LANES = ("stream", "gold", "raw")
STATE_SECONDS = 1.0
#: Seconds after which what Postgres refused to make is tried again.
AGAIN_SECONDS = 60.0
#: Seconds without an answer after which a stop no longer waits for what is behind to be published.
STILL_SECONDS = 2.0


class PublishError(TallyError):
    """Something could not be published; the lake has it all the same."""


class Publisher:
    """Publishes a lake's tables to Postgres until told to stop, or until nothing is behind."""

    def __init__(
        self, settings: Settings, registry: Registry, lake: Lake, stop: Event, breaker: Breaker | None = None
    ) -> None:
        self._database, self._attempts = settings.database, settings.retry.attempts
        self._registry, self._lake, self._stop = registry, lake, stop
        self.breaker = breaker or Breaker()
        self._watch = Watch(self._knock, stop, settings.database.statement_timeout.total_seconds())
        self._lanes: list[Lane] = []
        self._refused: Mapping[str, str] = {}
        self._stream = StreamRows(lake, sorted(registry.subjects), self._connect)
        #: Why nothing can be published at all; empty where something can.
        self.trouble = ""
        #: Rows written so far.
        self.rows = 0

    @property
    def standings(self) -> list[Standing]:
        """How each table stands."""
        return [standing for lane in self._lanes for standing in lane.standings]

    def run(self) -> None:
        """Publish until told to stop; MigrationError or DatabaseError where the database cannot be used at all."""
        with self._sole(), self._noting(), self._watch.looking():
            with suppress(AwayError, CircuitOpenError, StoppedError):  # told to stop before Postgres was there
                self._prepare(stop_never)
            threads = [
                Thread(target=lane.keep_running, name=f"publish {lane.name}", daemon=True) for lane in self._lanes
            ]
            away = self._is_away
            threads.append(Thread(target=self._stream.run, args=(self._stop, away), name="stream state", daemon=True))
            for thread in threads:
                thread.start()
            while not self._stop.wait(AGAIN_SECONDS):
                self._prepare_again()
            for thread in threads:
                thread.join(STOP_SECONDS + 2 * CONNECT_SECONDS)

    def catch_up(self) -> None:
        """Publish until nothing is behind; PublishError says what could not be, after RETRY_ATTEMPTS attempts."""
        with self._sole(), self._noting(), self._watch.looking():
            try:
                self._prepare(stop_after_attempt(self._attempts))
                for lane in self._lanes:
                    lane.catch_up(self._attempts)
                self._stream.tell_news()
            except (AwayError, CircuitOpenError) as error:
                outage = self.breaker.outage or AwayError(error)
                told = f"{display_name(self._database)} {outage.trouble} ({outage})"
                raise PublishError(f"{told}: {outage.way_out}, then run `tally publish --once`") from error
            except StoppedError:
                return
        failed = [f"{one.target.name}: {one.error}" for one in self.standings if one.error]
        tables = {one.target.table.name for one in self.standings}
        failed += [f"{name}: {reason}" for name, reason in self._refused.items() if name not in tables]
        if failed:
            raise PublishError(f"some tables could not be published: {'; '.join(failed)}")

    def settle(self, seconds: float) -> None:
        """Wait until nothing is behind, but no longer than that, and not while Postgres is away or does not answer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.breaker.state == "closed" and not self.breaker.error:
            if self._watch.longest_silence() > STILL_SECONDS:
                return
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
        for name, reason in self._refused.items():
            log.warning("%s cannot be made in Postgres: %s", name, reason)
        log.info("publishing %d tables to %s", len(wanted), display_name(self._database))
        lanes = [(name, [target for target in wanted if target.lane == name]) for name in LANES]
        self._lanes = [
            Lane(name, targets, self._connect, self.breaker, self._stop, self._published, self._refusal)
            for name, targets in lanes
        ]

    def _prepared(self) -> tuple[Target, ...]:
        connection = self._connect("owner")
        try:
            with told_why(connection, self._stop):
                prepared = prepare(
                    connection,
                    self._registry,
                    self._lake,
                    schema=self._database.schema,
                    raw_events=self._database.raw_events == "on",
                    login_roles=is_embedded(self._database),
                )
        except (LockNotAvailable, QueryCanceled) as error:  # of what all tables need
            raise AwayError(f"{sentence(error)} while it was being prepared") from error
        finally:
            connection.close()
        self._refused = prepared.refused
        return prepared.targets

    def _prepare_again(self) -> None:
        """Try again what Postgres refused to make: what was in the way may be gone."""
        if self._refused:
            try:
                self.breaker.run(self._prepared)
            except Exception as error:  # the lanes say what is wrong with Postgres
                log.debug("not prepared again: %s", sentence(error))

    def _is_away(self) -> bool:
        return self.breaker.state != "closed" or not self._lanes

    def _refusal(self, target: Target) -> str:
        return self._refused.get(target.table.name, "")

    def _connect(self, role: Role = "writer") -> Watched:
        made = connect(self._database, role, application=APPLICATION, factory=Watched)
        assert isinstance(made, Watched)
        return self._watch.over(made)

    def _knock(self) -> None:
        connect(self._database, "writer", application=APPLICATION).close()

    def _published(self, done: Sequence[tuple[Target, Published]], seconds: float) -> None:
        self.rows += sum(one.written for _, one in done)
        told = ", ".join(f"{target.name} {_in_words(one)}" for target, one in done if one.written or one.deleted)
        if told:
            log.info("[Published] %s in %.2f s", told, seconds)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep the note of how publishing stands up to date, also in the end."""
        ended = Event()
        note = Thread(target=self._note, args=(ended,), name="publish state", daemon=True)
        note.start()
        self.trouble = ""
        try:
            yield
        except Exception as error:
            self.trouble = sentence(error)
            raise
        finally:
            ended.set()
            note.join()

    def _note(self, ended: Event) -> None:
        last: dict[str, Any] = {}
        over = False
        while not over:
            over = ended.wait(STATE_SECONDS if last else 0)
            if (now := self._state()) != last:
                write_state(self._lake, now)
                last = now

    def _state(self) -> dict[str, Any]:
        return {
            "postgres": display_name(self._database),
            "circuit": self.breaker.state,
            "failures": self.breaker.failures,
            "error": self._silence() or self.breaker.error or self.trouble,
            "tables": [one.to_json() for one in self.standings],
            "refused": dict(self._refused),
            "lanes": [{"lane": lane.name, **lane.deaths.to_json()} for lane in self._lanes],
        }

    def _silence(self) -> str:
        """That Postgres has not answered for a while."""
        silent = self._watch.longest_silence()
        return "no answer for more than 10 s" if silent > SILENT_SECONDS else ""


def _in_words(done: Published) -> str:
    return f"+{done.written:,}" + (f" -{done.deleted:,}" if done.deleted else "")
