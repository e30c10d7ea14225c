"""How often, and after which waits, what went wrong in publishing is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

from spark_jobs.publish.breaker import UNAVAILABLE

if TYPE_CHECKING:
    import threading

#: Waits while Postgres is away: they grow, and no two publishers wait alike.
WAITS = wait_exponential(multiplier=0.2, max=10) + wait_random(0, 1)
#: The longest wait of a table that Postgres refuses, and of a worker that crashes.
LONGEST_WAIT = 60.0


def while_away(stop: threading.Event, attempts: int | None = None) -> Retrying:
    """Return a retrier for as long as Postgres is away: until ``stop`` is set, or that many attempts were made.

    The error of the last attempt is raised.
    """
    limit = stop_never if attempts is None else stop_after_attempt(attempts)
    return Retrying(
        retry=retry_if_exception_type(UNAVAILABLE),
        wait=WAITS,
        stop=stop_any(limit, stop_when_event_set(stop)),
        sleep=sleep_using_event(stop),
        reraise=True,
    )


def wait_after(failures: int) -> float:
    """Return the seconds to wait after that many failures in a row, at least one: 1, 2, 4 … up to ``LONGEST_WAIT``."""
    return min(2.0 ** min(failures - 1, 16), LONGEST_WAIT)
