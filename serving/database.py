"""The pool of connections to Postgres: a few, in the read-only role; each transaction sees one snapshot."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg2 import Error, InterfaceError, OperationalError, extensions

from config.postgres import connect
from serving.errors import PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import LiteralString

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from config.groups import Database

Row = dict[str, Any]
Result = TypeVar("Result")

STATEMENT_SECONDS = 5.0
CONNECTIONS = 8
#: Sums over a month of books fit in this; in Postgres's own 4 MB they are sorted on disk, and take half as long again.
WORK_MEM = "32MB"
TIMESTAMPTZ = 1184
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class Transaction:
    """A read-only transaction, in which queries are run; rows come as dictionaries by column name."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def rows(self, query: LiteralString, values: Row | None = None) -> list[Row]:
        """Return all rows of a query; values are sent as parameters and never become part of its text."""
        self._cursor.execute(query, values or {})
        names = [column.name for column in self._cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def row(self, query: LiteralString, values: Row | None = None) -> Row | None:
        """Return the first row of a query; None where there is none."""
        return next(iter(self.rows(query, values)), None)


class Pool:
    """Up to eight connections, opened when they are needed and kept. One that died is replaced at its next use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)

    def run(self, work: Callable[[Transaction], Result]) -> Result:
        """Run ``work`` in a read-only transaction that sees one snapshot, and return its result.

        It may run twice, where a kept connection turns out to be dead. DatabaseError where Postgres cannot be reached, or
        where all connections stay in use for STATEMENT_SECONDS: a queue that grows is of use to no one.
        """
        with self._slot():
            idle = self._take_idle()
            if idle is not None:
                try:
                    return self._run_on(idle, work)
                except (OperationalError, InterfaceError):
                    if not idle.closed:  # alive: the query itself took too long
                        raise
                    self.close()
            return self._run_on(self._connect(), work)

    def close(self) -> None:
        """Close the idle connections; later calls of ``run`` open new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=STATEMENT_SECONDS):
            raise PoolTimeoutError
        try:
            yield
        finally:
            self._slots.release()

    def _run_on(self, connection: Connection, work: Callable[[Transaction], Result]) -> Result:
        try:
            with connection, connection.cursor() as cursor:
                result = work(Transaction(cursor))
        except BaseException:
            with suppress(Error):
                connection.rollback()
            self._put_back(connection)
            raise
        self._put_back(connection)
        return result

    def _connect(self) -> Connection:
        connection = connect(self._database, "reader", application="tallylake api", statement_seconds=STATEMENT_SECONDS)
        with connection, connection.cursor() as cursor:
            cursor.execute("SET work_mem = %s", (WORK_MEM,))
        connection.set_session(isolation_level=extensions.ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        extensions.register_type(_TIMESTAMPS, connection)
        return connection

    def _take_idle(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _put_back(self, connection: Connection) -> None:
        if not connection.closed:
            with self._lock:
                self._idle.append(connection)


def _timestamp(text: str | bytes | None, cursor: Cursor) -> Any:
    """Return a timestamp as a datetime; one outside of Python's calendar becomes its first or last."""
    try:
        return extensions.PYDATETIMETZ(text, cursor)
    except (ValueError, OverflowError):
        return EARLIEST if str(text).endswith("BC") or str(text).startswith("-") else LATEST


_TIMESTAMPS = extensions.new_type((TIMESTAMPTZ,), "MOMENT", _timestamp)
