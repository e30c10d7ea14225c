"""What all tests run with: one Spark for each process of pytest, and Postgres servers (tests/support/postgres_servers.py)."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import pytest

from config.groups import Streaming
from config.settings import Settings

pytest_plugins = ["support.postgres_servers"]

# Every JVM that a test starts, its processes' too, lives for a minute or two: Java's second compiler would take half of the
# processor for code that is hardly run again (a cold stream of 1,000 rows: 32.6 CPU seconds with it, 16.8 without).
# With one compiler Java reserves 48 MiB for what it compiles; Spark fills that, and then nothing more would be compiled.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=512m")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that of two processes none waits long for the other at the end.

    Journeys come before files with a Spark of their own, and those before the rest; the tests of a file stay together.
    """
    ranks: dict[Path, int] = {}
    for item in items:
        rank = 0 if item.get_closest_marker("journey") else 1 if "spark" in getattr(item, "fixturenames", ()) else 2
        ranks[item.path] = min(rank, ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, and a kill leaves what the system holds: waiting for the disk was a third of some tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The project's own session on two cores, with as few partitions as there are cores."""
    from spark_jobs.session import spark_session

    streaming = Streaming(master="local[2]", driver_memory=2 << 30)
    warehouse = tmp_path_factory.mktemp("warehouse").as_uri()
    extra = {"spark.sql.shuffle.partitions": "2", "spark.sql.warehouse.dir": warehouse}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        session = spark_session(Settings(streaming=streaming), "tallylake-tests", extra)
    yield session
    session.stop()
