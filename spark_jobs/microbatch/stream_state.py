"""The state of a stream: what each query is doing, and which of them stand still, since when and why.

:class:`BatchProgress` is kept by the batch's own thread. The note of states is for ``tally status`` and for the publisher, which
read it while the stream runs and after it. It says nothing that the tables do not say better, and may be deleted at any time.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from spark_jobs.storage.files import make_folder, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.lake import Lake

State = Literal["running", "retrying", "stalled", "given_up", "stopped"]
#: States in which nothing of a subject gets on.
STANDS_STILL = ("retrying", "stalled", "given_up")


class BatchStep(NamedTuple):
    """A step of a batch, and when it began by the clock of ``time.monotonic``."""

    batch_id: int | None
    name: str
    since: float


class BatchProgress:
    """The step of the batch under way. Written by the batch's thread, read by the supervisor's."""

    def __init__(self) -> None:
        self._step: BatchStep | None = None
        self._batch_id: int | None = None

    def begin(self, batch_id: int) -> None:
        """Begin a batch."""
        self._batch_id = batch_id
        self.step("start")

    def step(self, name: str) -> None:
        """Begin a step of the batch."""
        self._step = BatchStep(self._batch_id, name, time.monotonic())

    def end(self) -> None:
        """End the batch: none is under way, or Spark is planning the next."""
        self._step = None

    @property
    def current(self) -> BatchStep | None:
        """The step of the batch under way; None between batches."""
        return self._step


@dataclass(frozen=True, slots=True)
class QueryState:
    """The state of one query of one subject. ``since``, ``failures``, ``error`` and ``step`` are of a query that stands still."""

    subject: str
    query: str
    state: State
    since: datetime | None = None
    failures: int = 0
    error: str = ""
    batch_id: int | None = None
    step: str = ""

    @property
    def problem(self) -> str | None:
        """A sentence on why the query stands still; None where it does not."""
        if self.state not in STANDS_STILL:
            return None
        since = f"{self.query} stands still since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.state == "stalled":
            batch = "" if self.batch_id is None else f"batch {self.batch_id} is "
            return f"{since}: {batch}at '{self.step}' and makes no progress; stop the stream and start it again"
        ending = "; it is tried again and again" if self.state == "retrying" else "; given up: start the stream again"
        return f"{since}, after {self.failures} failures: {self.error}{ending}"

    def to_json(self) -> dict[str, Any]:
        """Return the plain form; times as ISO 8601."""
        return {**asdict(self), "since": None if self.since is None else self.since.isoformat()}

    @staticmethod
    def from_json(plain: dict[str, Any]) -> QueryState:
        """Return the state of that plain form."""
        since = plain["since"]
        return QueryState(**{**plain, "since": None if since is None else datetime.fromisoformat(since)})


def now() -> datetime:
    """Return the time by this machine's clock, for notes: nothing is ordered by it."""
    return datetime.now(UTC)


def write_stream_state(lake: Lake, subject: str, states: Sequence[QueryState]) -> None:
    """Write the states of a subject's queries; the newest note takes the place of the last. A full disk is reported elsewhere."""
    path = lake.stream_state(subject)
    try:
        make_folder(path.parent)
        write_json(path, {"queries": [state.to_json() for state in states]})
    except OSError:
        return


def read_stream_state(lake: Lake, subject: str, *, streaming: bool) -> tuple[QueryState, ...]:
    """Return the states of a subject's queries; ``streaming``: True if a live process streams it.

    Where none does, only those that were given up count: a killed stream is retrying nothing any more.
    """
    try:
        noted = read_json(lake.stream_state(subject))
        states = [QueryState.from_json(one) for one in noted["queries"]]
    except (OSError, ValueError, KeyError, TypeError):  # no stream yet, or half a note after a power cut
        return ()
    return tuple(one for one in states if streaming or one.state == "given_up")
