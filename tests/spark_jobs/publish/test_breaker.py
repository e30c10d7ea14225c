from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg2
import pytest

from config.errors import DatabaseError
from config.postgres import connect
from spark_jobs.publish.breaker import Breaker, CircuitOpenError
from spark_jobs.publish.errors import AwayError

if TYPE_CHECKING:
    from support.postgres_servers import Server

ROOM = 600.0


def away() -> None:
    raise psycopg2.OperationalError("server closed the connection unexpectedly\n\tThis probably means more")


def opened() -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(open_seconds=ROOM)
    for _ in range(5):
        with pytest.raises(AwayError, match=r"^server closed the connection unexpectedly$"):
            breaker.run(away)
    return breaker


def test_five_failures_in_a_row_open_it_and_then_nothing_is_asked() -> None:
    breaker = opened()
    assert (breaker.state, breaker.failures) == ("open", 5)
    with pytest.raises(CircuitOpenError):
        breaker.run(lambda: pytest.fail("was asked"))
    assert breaker.error == "server closed the connection unexpectedly"


def test_a_connection_that_breaks_is_reported_and_not_that_its_transaction_could_not_be_ended(debian: Server) -> None:
    breaker = Breaker()
    connection = connect(debian.database, "owner", application="tests")

    def cut() -> None:
        with connection, connection.cursor() as cursor:
            debian.stop()
            cursor.execute("SELECT 1")

    with pytest.raises(AwayError):
        breaker.run(cut)
    assert breaker.error == "server closed the connection unexpectedly"


def test_a_success_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(AwayError):
                breaker.run(away)
        assert breaker.run(lambda: 7) == 7
        assert (breaker.state, breaker.failures, breaker.error) == ("closed", 0, "")


def test_after_a_while_one_attempt_is_let_through_and_its_success_closes_it() -> None:
    breaker = Breaker(open_seconds=0)
    for _ in range(5):
        with pytest.raises(AwayError):
            breaker.run(away)
    assert breaker.run(lambda: 7) == 7
    assert breaker.state == "closed"


def test_an_attempt_that_fails_opens_it_again_at_once() -> None:
    breaker = Breaker(open_seconds=0)
    for _ in range(6):
        with pytest.raises((AwayError, CircuitOpenError)):
            breaker.run(away)
    assert breaker.state == "open"
    assert breaker.error


def test_what_postgres_refuses_is_no_outage() -> None:
    breaker = Breaker()

    def refused() -> None:
        raise psycopg2.errors.CheckViolation("new row violates")

    for _ in range(9):
        with pytest.raises(psycopg2.errors.CheckViolation):
            breaker.run(refused)
    assert (breaker.state, breaker.failures) == ("closed", 0)


@pytest.mark.parametrize("is_away", [True, False])
def test_of_refused_connections_only_those_that_may_come_back_count(is_away: bool) -> None:
    breaker = Breaker()

    def unreachable() -> None:
        raise DatabaseError("refused", away=is_away)

    with pytest.raises(AwayError if is_away else DatabaseError, match="refused"):
        breaker.run(unreachable)
    assert breaker.failures == int(is_away)


def test_a_slow_table_does_not_hold_up_the_others() -> None:
    breaker, begun, end = Breaker(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert end.wait(60)

    thread = threading.Thread(target=breaker.run, args=(slow,))
    thread.start()
    assert begun.wait(60)
    assert breaker.run(lambda: 7) == 7  # would never return if one had to wait for the other
    end.set()
    thread.join()
