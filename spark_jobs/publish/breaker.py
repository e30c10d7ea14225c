"""One circuit breaker for all that is sent to Postgres: a server that is away is left alone for a while.

Only the server's being away counts. A table that Postgres refuses is that table's trouble, and the others go on.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import pybreaker
from psycopg2 import Error, InterfaceError, OperationalError
from psycopg2.errors import DiskFull

from config.errors import DatabaseError
from spark_jobs.publish.errors import AwayError, FullError, first_line, is_outage

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("tallylake.publish")
Result = TypeVar("Result")

#: Failures in a row after which the breaker opens, and seconds until it lets one attempt through.
FAILURES = 5
OPEN_SECONDS = 30.0

CircuitOpenError = pybreaker.CircuitBreakerError
#: What :meth:`Breaker.run` raises while Postgres is away.
UNAVAILABLE = (AwayError, CircuitOpenError)


class Breaker:
    """Opens after five failures in a row, lets one attempt through after 30 s, and closes when that succeeds."""

    def __init__(self, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS) -> None:
        self._breaker = pybreaker.CircuitBreaker(
            failures, open_seconds, exclude=[_is_no_outage], listeners=[_StateLogger(open_seconds)], name="Postgres"
        )
        #: The last outage; None once Postgres is back.
        self.outage: AwayError | None = None

    @property
    def error(self) -> str:
        """The message of the last outage; empty once Postgres is back."""
        return str(self.outage or "")

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return str(self._breaker.current_state)

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return int(self._breaker.fail_counter)

    def run(self, action: Callable[[], Result]) -> Result:
        """Run the action; AwayError where Postgres is away, CircuitOpenError where it was and is not tried now.

        pybreaker holds its lock while it runs what it guards, so that all would wait for the slowest table: while it is
        closed, the action runs outside and only its outcome is reported. A half-open one runs it itself, as only one may.
        """
        try:
            result = self._run(action)
        except AwayError as error:
            self.outage = error
            raise
        self.outage = None
        return result

    def _run(self, action: Callable[[], Result]) -> Result:
        if self.state != "closed":
            return self._breaker.call(_run_or_away, action)  # type: ignore[no-any-return]
        try:
            result = _run_or_away(action)
        except AwayError as error:
            with suppress(CircuitOpenError):  # which this failure brought about; it says less than the failure
                self._breaker.call(_raise, error)
            raise
        if self.failures:
            self._breaker.call(lambda: None)
        return result


class _StateLogger(pybreaker.CircuitBreakerListener):
    """Logs when the breaker opens and closes."""

    def __init__(self, open_seconds: float) -> None:
        self._open_seconds = open_seconds

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: object, new_state: object) -> None:
        name = getattr(new_state, "name", "")
        if name == "open":
            log.warning(
                "Postgres is away or full: publishing rests and tries again every %.0f s; the lake goes on",
                self._open_seconds,
            )
        elif name == "closed":
            log.info("Postgres is back: publishing catches up")


def _run_or_away(action: Callable[[], Result]) -> Result:
    """Run the action, and raise an outage as AwayError or FullError; any other error stays as it is."""
    try:
        return action()
    except DiskFull as error:
        raise FullError(first_line(_first_failure(error))) from error
    except (OperationalError, InterfaceError) as error:
        if not is_outage(error):
            raise
        raise AwayError(first_line(_first_failure(error))) from error
    except DatabaseError as error:
        if error.away:
            raise AwayError(str(error)) from error
        raise


def _first_failure(error: BaseException) -> BaseException:
    """Return what went wrong first: ending a transaction whose connection broke fails too, and says less."""
    while isinstance(error, InterfaceError) and isinstance(error.__context__, Error):
        error = error.__context__
    return error


def _is_no_outage(error: BaseException) -> bool:
    return not isinstance(error, AwayError)


def _raise(error: Exception) -> None:
    raise error
