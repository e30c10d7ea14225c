"""The stream's state in Postgres: every state, once, again when it changes, and never a reason to stop."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from psycopg2 import OperationalError
from support.published_lake import fetch

from config.postgres import connect
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.microbatch.stream_state import QueryState, write_stream_state
from spark_jobs.publish.stream_state_table import StreamStateTable, query_states

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from support.published_lake import PublishedLake

    from config.groups import Database

SINCE = datetime(2026, 1, 5, 10, tzinfo=UTC)
FAILING = QueryState("orders", "refine", "retrying", SINCE, 7, "OSError: no room\0", step="commit")
WORKING = QueryState("orders", "ingest", "running")
ROWS = "SELECT row(subject, query, state, since, failures, error, step)::text FROM stream_state ORDER BY subject, query"


def test_a_subject_that_no_process_streams_has_stopped_whatever_its_note_says(published: PublishedLake) -> None:
    lake = published.lake
    write_stream_state(lake, "orders", [WORKING, FAILING])
    stopped = [QueryState("orders", query, "stopped") for query in ("ingest", "refine")]
    assert query_states(lake, ["orders"]) == stopped
    with ExitStack() as locks:
        locks.enter_context(sole_writer(lake.lock("orders"), "orders"))
        assert query_states(lake, ["orders", "none"])[:2] == [WORKING, FAILING]
    assert query_states(lake, ["none"]) == [QueryState("none", query, "stopped") for query in ("ingest", "refine")]


def test_what_changes_is_written_by_the_writer_and_what_does_not_is_not_written_again(
    published: PublishedLake, database: Database, postgres: Connection
) -> None:
    made: list[Connection] = []

    def writer() -> Connection:
        made.append(connect(database, "writer", application="tests"))
        return made[-1]

    lake = published.lake
    table = StreamStateTable(lake, ["orders"], writer)
    with sole_writer(lake.lock("orders"), "orders"):
        write_stream_state(lake, "orders", [WORKING, FAILING])
        table.update()
        table.update()
        assert len(made) == 1
        assert fetch(postgres, ROWS) == [
            '(orders,ingest,running,,0,"","")',
            '(orders,refine,retrying,"2026-01-05 10:00:00+00",7,"OSError: no room",commit)',
        ]
    table.update()
    assert fetch(postgres, "SELECT state FROM stream_state") == ["stopped", "stopped"]
    assert len(made) == 2
    assert all(connection.closed for connection in made)


def test_a_postgres_that_is_away_gets_it_when_it_is_back(
    published: PublishedLake, database: Database, postgres: Connection
) -> None:
    answers: list[Any] = [OperationalError("away"), connect(database, "writer", application="tests")]

    def writer() -> Connection:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("Connection", answer)

    table = StreamStateTable(published.lake, ["orders"], writer)
    table.update()
    assert fetch(postgres, ROWS) == []
    table.update()
    assert fetch(postgres, "SELECT state FROM stream_state") == ["stopped", "stopped"]
