"""The publisher's state file, for ``tally status``: whether Postgres is there, and how far each table is published.

Information only: what was published is what Postgres says, in the same transaction as the rows.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from spark_jobs.microbatch.lock import is_held
from spark_jobs.storage.files import make_folder, read_json, write_json
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from spark_jobs.lake import Lake

#: Seconds between two looks at whether the state has changed.
STATE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TableState:
    """A published table: the version of the lake's that Postgres shows, the lake's own by now, and what is wrong."""

    lake_table: str
    table: str
    shown: int | None
    version: int
    error: str

    @property
    def behind(self) -> int:
        """Versions that are not published yet."""
        return self.version + 1 - (self.shown + 1 if self.shown is not None else 0)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker: how often it died of an error that nobody had foreseen, and its last such error. JSON calls it a lane.

    It was started again each time. ``died_at`` is ISO 8601.
    """

    name: str
    deaths: int = 0
    error: str = ""
    died_at: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the form that the state file and --json have."""
        return {"lane": self.name, "deaths": self.deaths, "error": self.error, "died_at": self.died_at}

    @staticmethod
    def from_json(plain: Mapping[str, Any]) -> WorkerState:
        """Return the state that ``to_json`` gave."""
        return WorkerState(plain["lane"], plain["deaths"], plain["error"], plain["died_at"])


@dataclass(frozen=True, slots=True)
class PublishingState:
    """Where to and how far a lake is published: whether a publisher runs, its circuit breaker, each table that the lake has.

    ``error``: why nothing can be published for now. ``refused``: what Postgres would not make, with the reasons, tables by their
    names in the lake and views by theirs. ``workers``: those that died.
    """

    postgres: str
    running: bool
    circuit: str
    failures: int
    error: str
    tables: tuple[TableState, ...]
    refused: Mapping[str, str]
    workers: tuple[WorkerState, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json, in which workers are called lanes."""
        plain = asdict(self)
        del plain["workers"]
        tables = [{**asdict(table), "behind": table.behind} for table in self.tables]
        return {**plain, "tables": tables, "lanes": tuple(worker.to_json() for worker in self.workers)}


class StateWriter:
    """Keeps the state file up to date while a publisher runs. ``current`` returns the file's content."""

    def __init__(self, lake: Lake, current: Callable[[], Mapping[str, Any]]) -> None:
        self._lake, self._current = lake, current

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write the state at once, whenever it changes while the block runs, and as it is in the end."""
        ended = Event()
        thread = Thread(target=self._write_changes, args=(ended,), name="publish state", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _write_changes(self, ended: Event) -> None:
        last: Mapping[str, Any] = {}
        over = False
        while not over:
            over = ended.wait(STATE_SECONDS if last else 0)
            if (now := self._current()) != last:
                write_state(self._lake, now)
                last = now


def write_state(lake: Lake, state: Mapping[str, Any]) -> None:
    """Write the file; a second writing replaces the first. A full disk is passed over: the lake's own writers report it."""
    try:
        make_folder(lake.publish_state.parent)
        write_json(lake.publish_state, state)
    except OSError:
        return


def read_state(lake: Lake) -> PublishingState | None:
    """Read how far the lake is published; None where nothing was ever published from it."""
    try:
        noted = read_json(lake.publish_state)
    except FileNotFoundError:
        return None
    running = is_held(lake.publish_lock)
    return PublishingState(
        postgres=noted["postgres"],
        running=running,
        circuit=noted["circuit"] if running else "closed",
        failures=noted["failures"],
        error=noted["error"],
        tables=_table_states(lake, noted["tables"]),
        refused=noted.get("refused", {}),
        workers=tuple(WorkerState.from_json(plain) for plain in noted.get("lanes", ()) if plain["deaths"]),
    )


def _table_states(lake: Lake, noted: list[dict[str, Any]]) -> tuple[TableState, ...]:
    """Return the noted tables that the lake has, each with its version there by now."""
    newest = [(table, open_snapshot(str(lake.root / table["lake_table"]))) for table in noted]
    return tuple(TableState(**table, version=snapshot.version) for table, snapshot in newest if snapshot is not None)
