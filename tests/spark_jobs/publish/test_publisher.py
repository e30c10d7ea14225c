"""The publisher with its workers: covers publisher, worker, table_progress and refusals.

Covers: spark_jobs.publish.table_progress, spark_jobs.publish.worker.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from support.published_lake import PATIENCE, PublishedLake, event
from support.waiting import wait_until

from spark_jobs.errors import BusyError
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.publish.errors import PublishError
from spark_jobs.publish.state import read_state

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Debian

    from config.groups import Database

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


def test_catching_up_publishes_every_table_that_the_lake_has(
    filled: PublishedLake, database: Database, postgres: Connection
) -> None:
    done = filled.publisher(database)
    done.catch_up()
    assert done.rows == 40
    assert filled.is_equal(postgres, EVENTS)
    assert filled.is_equal(postgres, PRODUCTS)
    filled.publisher(database).catch_up()


def test_what_the_lake_commits_is_published_while_it_runs(
    filled: PublishedLake, database: Database, postgres: Connection
) -> None:
    stop = threading.Event()
    running = filled.publisher(database, stop)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        wait_until(lambda: running.rows == 40)
        filled.append(EVENTS, *map(event, range(20, 25)))
        running.wait_until_published(PATIENCE)
        assert filled.is_equal(postgres, EVENTS)
    finally:
        stop.set()
        thread.join()


def test_a_table_that_postgres_refuses_waits_and_the_others_go_on(
    filled: PublishedLake, database: Database, postgres: Connection
) -> None:
    with postgres, postgres.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_events ADD CHECK (event_id <> 'e7')")
    with pytest.raises(PublishError, match=r"ecommerce_events: new row .* violates check constraint"):
        filled.publisher(database).catch_up()
    assert filled.is_equal(postgres, PRODUCTS)
    state = read_state(filled.lake)
    assert state is not None
    assert [one.table for one in state.tables if one.error] == ["ecommerce_events"]
    with postgres, postgres.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_events DROP CONSTRAINT ecommerce_events_event_id_check")
    filled.publisher(database).catch_up()
    assert filled.is_equal(postgres, EVENTS)


def test_postgres_that_stays_away_is_reported_in_one_sentence_without_the_password(
    filled: PublishedLake, debian: Debian
) -> None:
    debian.stop()
    with pytest.raises(PublishError, match=r"cannot be reached.*run `tally publish --once`") as caught:
        filled.publisher(debian.database).catch_up()
    assert "s3cr" not in str(caught.value)
    state = read_state(filled.lake)
    assert state is not None
    assert "refused" in state.error


def test_one_process_at_a_time_publishes_a_lake(filled: PublishedLake, database: Database) -> None:
    with sole_writer(filled.lake.publish_lock, "publishing", "done from"), pytest.raises(BusyError, match="already"):
        filled.publisher(database).catch_up()
