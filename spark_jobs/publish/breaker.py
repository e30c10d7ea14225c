"""One circuit breaker for all that is sent to Postgres: a server that is away is left alone for a while, not asked by everyone.

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

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("tallylake.publish")
Result = TypeVar("Result")

#: Failures in a row after which the breaker opens, and seconds until it lets one attempt through.
FAILURES = 5
OPEN_SECONDS = 30.0

CircuitOpenError = pybreaker.CircuitBreakerError


class AwayError(Exception):
    """Postgres cannot be reached, or went away in the middle: trying again may help."""

    trouble, way_out = "cannot be reached", "start it"


class FullError(AwayError):
    """Postgres has no room for anything new: as good as away, until someone makes room."""

    trouble, way_out = "has no room left", "make room"


class Breaker:
    """Opens after five failures in a row, lets one attempt through after 30 s, and closes when that succeeds."""

    def __init__(self, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS) -> None:
        self._breaker = pybreaker.CircuitBreaker(
            failures, open_seconds, exclude=[_is_no_outage], listeners=[_Told(open_seconds)], name="Postgres"
        )
        #: The last outage; None once Postgres is back.
        self.outage: AwayError | None = None

    @property
    def error(self) -> str:
        """What was said the last time that Postgres was away; empty once it is back."""
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
        """Do it; AwayError where Postgres is away, CircuitOpenError where it was and is not asked now.

        pybreaker holds its lock while it runs what it guards, so that all would wait for the slowest table: while it is
        closed it is only told how things went. What is tried when it is half-open is run by it, as only one may be.
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
            return self._breaker.call(_outages_told, action)  # type: ignore[no-any-return]
        try:
            result = _outages_told(action)
        except AwayError as error:
            with suppress(CircuitOpenError):  # which this failure brought about; it says less than the failure
                self._breaker.call(_raise, error)
            raise
        if self.failures:
            self._breaker.call(lambda: None)
        return result


class _Told(pybreaker.CircuitBreakerListener):
    """Says in the log when the breaker opens and closes."""

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


def _outages_told(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except DiskFull as error:
        raise FullError(_sentence(error)) from error
    except (OperationalError, InterfaceError) as error:
        if not is_outage(error):
            raise
        raise AwayError(_sentence(error)) from error
    except DatabaseError as error:
        if error.away:
            raise AwayError(str(error)) from error
        raise


def is_outage(error: Error) -> bool:
    """Whether it is the server's trouble, or the way there, and not that of one table, such as a lock that someone else holds.

    By SQLSTATE: none is a connection that broke, 08 one that was refused, 53 no room, 57P a server that ends, 58 its system.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = error.pgcode or ""
    return not code or code[:2] in ("08", "53", "58") or code.startswith("57P")


def _sentence(error: BaseException) -> str:
    """The first line of what went wrong first: ending a transaction whose connection broke fails too, and says less."""
    while isinstance(error, InterfaceError) and isinstance(error.__context__, Error):
        error = error.__context__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _is_no_outage(error: BaseException) -> bool:
    return not isinstance(error, AwayError)


def _raise(error: Exception) -> None:
    raise error
