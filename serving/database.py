"""Connections to Postgres for the API: a few, in the read-only role, each question in one transaction that sees one moment."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg2 import Error, InterfaceError, OperationalError, extensions

from config.postgres import DatabaseError, connect
from serving.outage import CrowdedError

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
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


class Questions:
    """What a transaction is asked: rows come as dictionaries."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def rows(self, query: LiteralString, values: Row | None = None) -> list[Row]:
        """The rows of a query; values are parameters, never text of it."""
        self._cursor.execute(query, values or {})
        names = [column.name for column in self._cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def row(self, query: LiteralString, values: Row | None = None) -> Row | None:
        """The first row; None where there is none."""
        return next(iter(self.rows(query, values)), None)


class Pool:
    """At most eight connections, made when they are needed and kept. One that died is replaced by the next question."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free: list[Connection] = []
        self._guard = threading.Lock()
        self._room = threading.BoundedSemaphore(CONNECTIONS)

    def ask(self, question: Callable[[Questions], Result]) -> Result:
        """Put a question in a read-only transaction that sees one moment.

        It may be put twice, where a kept connection turns out to be dead. DatabaseError where Postgres cannot be asked, or
        where too many ask it already: a queue that grows is of use to no one.
        """
        with self._seat():
            kept = self._kept()
            if kept is not None:
                try:
                    return self._asked(kept, question)
                except (OperationalError, InterfaceError):
                    if not kept.closed:  # alive: the question itself took too long
                        raise
                    self.close()
            return self._asked(self._new(), question)

    def close(self) -> None:
        """Close what is kept; questions after this begin anew."""
        with self._guard:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    @contextmanager
    def _seat(self) -> Iterator[None]:
        if not self._room.acquire(timeout=STATEMENT_SECONDS):
            raise CrowdedError
        try:
            yield
        finally:
            self._room.release()

    def _asked(self, connection: Connection, question: Callable[[Questions], Result]) -> Result:
        try:
            with connection, connection.cursor() as cursor:
                answer = question(Questions(cursor))
        except BaseException:
            with suppress(Error):
                connection.rollback()
            self._keep(connection)
            raise
        self._keep(connection)
        return answer

    def _new(self) -> Connection:
        connection = connect(self._database, "reader", application="tallylake api", statement_seconds=STATEMENT_SECONDS)
        with connection, connection.cursor() as cursor:
            cursor.execute("SET work_mem = %s", (WORK_MEM,))
        connection.set_session(isolation_level=extensions.ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        extensions.register_type(_MOMENTS, connection)
        return connection

    def _kept(self) -> Connection | None:
        with self._guard:
            return self._free.pop() if self._free else None

    def _keep(self, connection: Connection) -> None:
        if not connection.closed:
            with self._guard:
                self._free.append(connection)


def _moment(text: str | bytes | None, cursor: Cursor) -> Any:
    """A moment; one that Python's calendar does not have becomes its first or last."""
    try:
        return extensions.PYDATETIMETZ(text, cursor)
    except (ValueError, OverflowError):
        return FIRST if str(text).endswith("BC") or str(text).startswith("-") else LAST


_MOMENTS = extensions.new_type((TIMESTAMPTZ,), "MOMENT", _moment)

__all__ = ["DatabaseError", "Pool", "Questions", "Row"]
