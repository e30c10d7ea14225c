from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.postgres import connect
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.publish import background
from spark_jobs.publish.background import publishing_in_background

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Debian
    from support.published_lake import PublishedLake

    from config.groups import Database

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


def test_a_stream_waits_until_the_other_publisher_has_ended(
    filled: PublishedLake, database: Database, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "BUSY_SECONDS", 0.01)
    lock = sole_writer(filled.lake.publish_lock, "publishing", "done from")
    lock.__enter__()
    with publishing_in_background(filled.settings(database), filled.registry, filled.lake, once=False):
        lock.__exit__(None, None, None)
    assert filled.is_equal(postgres, EVENTS)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture the log, also where the command line has taken the log over."""
    logger = logging.getLogger("tallylake")
    before, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = before


def test_a_stream_goes_on_without_the_packages_and_says_so(
    filled: PublishedLake, database: Database, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "spark_jobs.publish.publisher", None)
    with publishing_in_background(filled.settings(database), filled.registry, filled.lake, once=True):
        pass
    assert "is not installed: pip install 'tallylake[postgres]', or set PUBLISH=off" in logged.text


def test_a_stream_that_is_drained_says_what_could_not_be_published(
    filled: PublishedLake, debian: Debian, logged: pytest.LogCaptureFixture
) -> None:
    debian.stop()
    with publishing_in_background(filled.settings(debian.database), filled.registry, filled.lake, once=True):
        pass
    assert "the lake has everything" in logged.text


def test_nothing_is_published_where_it_is_switched_off(filled: PublishedLake, database: Database) -> None:
    with publishing_in_background(
        filled.settings(replace(database, publish="off")), filled.registry, filled.lake, once=True
    ):
        pass
    connection = connect(database, "owner", application="tests")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ecommerce_events")
        assert cursor.fetchall() == [(0,)]
    connection.close()
