"""Covers serving/database.py, also over HTTP while the database is slow or cut off."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg2
import pytest
from support.api_server import served

from config.errors import DatabaseError
from serving import database as pools
from serving.database import CONNECTIONS, Pool, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor
    from support.api_server import Served

    from config.groups import Database

#: More than the threads that the server answers with.
THREADS = 48
#: Seconds within which the API has connections, if ever; less than its statements may take.
TIMEOUT = 4.0
OURS = "FROM pg_stat_activity WHERE application_name = 'tallylake api' AND datname = current_database()"


@pytest.fixture
def pool(shops: Database) -> Iterator[Pool]:
    made = Pool(shops)
    yield made
    made.close()


def ask(owner: Connection, query: str) -> list[tuple[object, ...]]:
    with owner, owner.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def waiting_for_locks(cursor: Cursor, wanted: tuple[int, int]) -> bool:
    """True once so many of the API's connections wait for a lock, and so many for a thread of the API's own."""
    states = "count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FILTER (WHERE state LIKE 'idle in%')"
    until = time.monotonic() + TIMEOUT
    found: tuple[Any, ...] | None = None
    while found != wanted and time.monotonic() < until:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(f"SELECT {states} {OURS}")
        found = cursor.fetchone()
    return found == wanted


@contextmanager
def locked(owner: Connection, table: str) -> Iterator[None]:
    """Lock the table, so that no one reads it meanwhile."""
    with owner, owner.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def test_connections_that_were_cut_are_made_again_and_nobody_notices(api: Served, owner: Connection) -> None:
    before = api.json("/segments")
    assert ask(owner, f"SELECT pg_terminate_backend(pid) {OURS}")
    assert api.json("/segments") == before
    assert api.get("/ready").json()["ready"] is True


def test_a_question_sees_one_moment_and_can_change_nothing(pool: Pool, owner: Connection) -> None:
    def twice(tx: Transaction) -> list[object]:
        count = "SELECT count(*) AS rows FROM customer_segments"
        first = tx.row(count)
        ask(owner, "UPDATE customer_segments SET customer_id = customer_id + 1000 RETURNING 1")
        ask(owner, "DELETE FROM customer_segments WHERE customer_id = 1001 RETURNING 1")
        return [first, tx.row(count)]

    first, second = pool.run(twice)
    assert first == second
    for statement in ("DELETE FROM customer_segments", "SET TRANSACTION READ WRITE"):
        with pytest.raises(psycopg2.Error, match=r"read-only transaction|read-write mode|before any query"):
            pool.run(lambda tx, sql=statement: tx.rows(f"SELECT 1; {sql}"))  # type: ignore[misc]


def test_who_would_wait_for_a_connection_for_too_long_is_refused(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use, ended = threading.Barrier(CONNECTIONS + 1), threading.Event()

    def busy(tx: Transaction) -> None:
        tx.row("SELECT 1")
        in_use.wait()
        ended.wait()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in range(CONNECTIONS):
            threads.submit(pool.run, busy)
        in_use.wait()
        monkeypatch.setattr(pools, "STATEMENT_SECONDS", 0.01)
        try:
            with pytest.raises(DatabaseError, match="too many questions wait"):
                pool.run(lambda tx: tx.row("SELECT 1"))
        finally:
            ended.set()
    assert pool.run(lambda tx: tx.row("SELECT 1 AS one")) == {"one": 1}


def test_what_takes_too_long_is_given_up_and_the_connection_goes_on(
    shops: Database, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "STATEMENT_SECONDS", 0.1)
    with served(shops) as api:
        with locked(owner, "daily_gmv"):
            found = api.get("/api/v1/revenue/daily")
            assert (found.status_code, found.json()["error"]) == (
                503,
                "this took longer than 5 s: ask for less at once",
            )
            assert api.get("/health").status_code == 200
        assert api.json("/revenue/daily", limit=1)["items"]


def test_the_server_says_that_it_lives_while_everyone_waits_for_the_database(
    shops: Database, owner: Connection
) -> None:
    with (
        served(shops) as api,
        httpx.Client(timeout=4) as other,
        ThreadPoolExecutor(THREADS) as threads,
        locked(owner, "daily_gmv"),
        owner.cursor() as cursor,
    ):
        for limit in range(1, THREADS + 1):  # each a question of its own
            threads.submit(api.get, "/api/v1/revenue/daily", params={"limit": limit})
        assert waiting_for_locks(cursor, (CONNECTIONS, 0))
        assert other.get(f"{api.address}/health").json() == {"status": "ok"}


def test_of_those_who_ask_for_the_same_at_once_one_puts_the_question(shops: Database, owner: Connection) -> None:
    viewers = CONNECTIONS - 2
    with served(shops) as api, ThreadPoolExecutor(viewers) as threads:
        with locked(owner, "refund_rate, top_products"), owner.cursor() as cursor:
            answers = [threads.submit(api.get, "/api/v1/products/top") for _ in range(viewers)]
            assert waiting_for_locks(cursor, (1, viewers - 1))
        assert len({each.result().content for each in answers}) == 1
        assert {each.result().status_code for each in answers} == {200}
