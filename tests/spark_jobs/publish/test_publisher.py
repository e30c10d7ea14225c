from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.published_lake import PATIENCE, PublishedLake, event, product, until

from config.postgres import connect
from spark_jobs.cli.status import run_status
from spark_jobs.errors import BusyError
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.publish import background
from spark_jobs.publish.background import publishing_in_background
from spark_jobs.publish.errors import PublishError
from spark_jobs.publish.publisher import Publisher
from spark_jobs.publish.state import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Debian

    from config.groups import Database
    from config.settings import Settings

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


@pytest.fixture
def home(home: PublishedLake) -> PublishedLake:
    home.append(EVENTS, *map(event, range(20)))
    home.put(PRODUCTS, *map(product, range(20)))
    return home


def settings(home: PublishedLake, database: Database, **changes: Any) -> Settings:
    retry = replace(home.home.settings.retry, attempts=2)
    return replace(home.home.settings, database=replace(database, **changes), retry=retry)


def publisher(
    home: PublishedLake, database: Database, stop: threading.Event | None = None, **changes: Any
) -> Publisher:
    return Publisher(settings(home, database, **changes), home.home.registry, home.home.lake, stop or threading.Event())


def test_catching_up_publishes_every_table_that_the_lake_has(
    home: PublishedLake, database: Database, postgres: Connection
) -> None:
    done = publisher(home, database)
    done.catch_up()
    assert done.rows == 40
    assert home.is_equal(postgres, EVENTS)
    assert home.is_equal(postgres, PRODUCTS)
    publisher(home, database).catch_up()


def test_what_the_lake_commits_is_published_while_it_runs(
    home: PublishedLake, database: Database, postgres: Connection
) -> None:
    stop = threading.Event()
    running = publisher(home, database, stop)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running.rows == 40)
        home.append(EVENTS, *map(event, range(20, 25)))
        running.wait_until_published(PATIENCE)
        assert home.is_equal(postgres, EVENTS)
    finally:
        stop.set()
        thread.join()


def test_a_table_that_postgres_refuses_waits_and_the_others_go_on(
    home: PublishedLake, database: Database, postgres: Connection
) -> None:
    with postgres, postgres.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_events ADD CHECK (event_id <> 'e7')")
    with pytest.raises(PublishError, match=r"ecommerce_events: new row .* violates check constraint"):
        publisher(home, database).catch_up()
    assert home.is_equal(postgres, PRODUCTS)
    found = read_state(home.home.lake)
    assert found is not None
    assert [one.table for one in found.tables if one.error] == ["ecommerce_events"]
    with postgres, postgres.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_events DROP CONSTRAINT ecommerce_events_event_id_check")
    publisher(home, database).catch_up()
    assert home.is_equal(postgres, EVENTS)


def test_the_state_says_how_far_each_table_is_and_what_it_lacks(home: PublishedLake, database: Database) -> None:
    publisher(home, database).catch_up()
    home.append(EVENTS, event(99))
    found = read_state(home.home.lake)
    assert found is not None
    assert {one.table: one.behind for one in found.tables} == {"ecommerce_events": 1, "products": 0}
    assert (found.running, found.circuit, found.error) == (False, "closed", "")


def test_status_tells_people_and_machines(
    home: PublishedLake, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    own = settings(home, database)
    run_status(own, ["products"], json=False)
    assert "nothing was published from this lake yet" in capsys.readouterr().out
    publisher(home, database).catch_up()
    home.append(EVENTS, event(99))
    run_status(own, ["products"], json=False)
    told = capsys.readouterr().out
    assert "1 tables up to date" in told
    assert "Not published yet" in told
    run_status(own, ["products"], json=True)
    assert '"behind": 0' in capsys.readouterr().out


def test_postgres_that_stays_away_is_said_in_one_sentence_without_the_password(
    home: PublishedLake, debian: Debian
) -> None:
    debian.stop()
    with pytest.raises(PublishError, match=r"cannot be reached.*run `tally publish --once`") as caught:
        publisher(home, debian.database).catch_up()
    assert "s3cr" not in str(caught.value)
    found = read_state(home.home.lake)
    assert found is not None
    assert "refused" in found.error


def test_one_process_at_a_time_publishes_a_lake(home: PublishedLake, database: Database) -> None:
    with sole_writer(home.home.lake.publish_lock, "publishing", "done from"), pytest.raises(BusyError, match="already"):
        publisher(home, database).catch_up()


def test_a_stream_waits_until_the_other_publisher_has_ended(
    home: PublishedLake, database: Database, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "BUSY_SECONDS", 0.01)
    lock = sole_writer(home.home.lake.publish_lock, "publishing", "done from")
    lock.__enter__()
    with publishing_in_background(settings(home, database), home.home.registry, home.home.lake, once=False):
        lock.__exit__(None, None, None)
    assert home.is_equal(postgres, EVENTS)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged, also where the command line has taken the log over."""
    logger = logging.getLogger("tallylake")
    before, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = before


def test_a_stream_goes_on_without_the_packages_and_says_so(
    home: PublishedLake, database: Database, told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "spark_jobs.publish.publisher", None)
    with publishing_in_background(settings(home, database), home.home.registry, home.home.lake, once=True):
        pass
    assert "is not installed: pip install 'tallylake[postgres]', or set PUBLISH=off" in told.text


def test_a_stream_that_is_drained_says_what_could_not_be_published(
    home: PublishedLake, debian: Debian, told: pytest.LogCaptureFixture
) -> None:
    debian.stop()
    with publishing_in_background(settings(home, debian.database), home.home.registry, home.home.lake, once=True):
        pass
    assert "the lake has everything" in told.text


def test_nothing_is_published_where_it_is_switched_off(home: PublishedLake, database: Database) -> None:
    with publishing_in_background(
        settings(home, replace(database, publish="off")), home.home.registry, home.home.lake, once=True
    ):
        pass
    connection = connect(database, "owner", application="tests")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ecommerce_events")
        assert cursor.fetchall() == [(0,)]
    connection.close()
