"""A table that someone holds locked, a server that hangs, a worker that dies: the others go on, it is said, and a stop ends.

Covers watchdog and worker.

Covers: spark_jobs.publish.watchdog.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from support.lakes import new_workspace
from support.postgres_servers import Debian, new_database
from support.published_lake import PATIENCE, PublishedLake, event, execute, product
from support.waiting import wait_until

from config import postgres as connections
from config.postgres import connect
from spark_jobs.cli.status import run_status
from spark_jobs.publish import background, publisher, retries, state, watchdog, worker
from spark_jobs.publish.background import publishing_in_background
from spark_jobs.publish.state import read_state
from spark_jobs.publish.worker import Worker
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Server

    from config.groups import Database
    from spark_jobs.publish.publisher import Publisher

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test need not wait for."""
    for module, name, seconds in (
        (connections, "LOCK_SECONDS", 0.1),
        (connections, "CONNECT_SECONDS", 2),  # libpq takes no less
        (watchdog, "SILENT_SECONDS", 0.2),
        (watchdog, "STOP_SECONDS", 0.2),
        (watchdog, "CHECK_SECONDS", 0.05),
        (publisher, "SILENCE_AT_STOP_SECONDS", 0.1),
        (publisher, "PREPARE_AGAIN_SECONDS", 0.2),
        (state, "STATE_SECONDS", 0.05),
        (retries, "LONGEST_WAIT", 0.2),
    ):
        monkeypatch.setattr(module, name, seconds)


def filled(root: Path, owner: Connection) -> PublishedLake:
    published = PublishedLake(new_workspace(root))
    published.prepare(owner)
    published.append(EVENTS, *map(event, range(20)))
    published.put(PRODUCTS, *map(product, range(20)))
    return published


@pytest.fixture
def published(tmp_path: Path, postgres: Connection) -> PublishedLake:
    return filled(tmp_path, postgres)


@contextmanager
def publishing(published: PublishedLake, database: Database) -> Iterator[Publisher]:
    """A publisher that runs meanwhile, and has ended afterwards."""
    stop = threading.Event()
    made = published.publisher(database, stop)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it was told to stop and went on"


def progress(published: PublishedLake, table: str) -> tuple[int | None, str]:
    """How many versions a table is behind (None: nothing is known of it yet), and what is wrong with it."""
    found = read_state(published.lake)
    known = [one for one in found.tables if one.lake_table == table] if found is not None else []
    return (known[0].behind, known[0].error) if known else (None, "")


def is_published(published: PublishedLake, *tables: str) -> bool:
    return all(progress(published, table) == (0, "") for table in tables)


def test_a_table_that_someone_holds_locked_waits_and_the_others_go_on(
    published: PublishedLake, database: Database, postgres: Connection
) -> None:
    with closing(connect(database, "owner", application="tests")) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        with publishing(published, database) as running:
            wait_until(lambda: is_published(published, EVENTS) and "lock timeout" in progress(published, PRODUCTS)[1])
            assert (running.breaker.state, running.breaker.error) == ("closed", "")
            assert published.is_equal(postgres, EVENTS)
            other.rollback()
            wait_until(lambda: is_published(published, PRODUCTS))
    assert published.is_equal(postgres, PRODUCTS)


def test_someone_who_reads_or_writes_our_tables_for_hours_keeps_no_publisher_from_starting(
    published: PublishedLake, database: Database, postgres: Connection
) -> None:
    with closing(connect(database, "owner", application="tests")) as other, other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM v_products, v_hourly_event_summary, v_data_quality_dashboard")
        cursor.execute("UPDATE orders SET row_id = row_id")
        with publishing(published, database):
            wait_until(lambda: is_published(published, EVENTS, PRODUCTS))
    assert published.is_equal(postgres, EVENTS)


def test_what_someone_holds_locked_while_it_should_be_changed_is_changed_once_it_is_free(
    published: PublishedLake, database: Database, postgres: Connection
) -> None:
    execute(postgres, "ALTER TABLE products DROP COLUMN brand CASCADE")
    with closing(connect(database, "owner", application="tests")) as other, other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM products")
        with publishing(published, database):
            wait_until(lambda: is_published(published, EVENTS) and "lock timeout" in progress(published, PRODUCTS)[1])
            other.rollback()
            wait_until(lambda: is_published(published, PRODUCTS))
    assert published.is_equal(postgres, PRODUCTS)


@pytest.fixture
def pausable(module_debian: Debian) -> Iterator[Debian]:
    """A server that can be paused, with an empty database; in the end it goes on."""
    database = new_database(module_debian)
    yield replace(module_debian, env={**module_debian.env, "POSTGRES_DB": database.name})
    resume(module_debian)


def processes(server: Server) -> list[psutil.Process]:
    postmaster = psutil.Process(int((server.root / "postmaster.pid").read_text().splitlines()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


def pause(server: Server) -> None:
    """Make the server hang: it keeps its connections and answers nothing."""
    for process in processes(server):
        with suppress(psutil.NoSuchProcess):
            process.suspend()


def resume(server: Server) -> None:
    for process in processes(server):
        with suppress(psutil.NoSuchProcess):  # a connection that was cut has ended meanwhile
            process.resume()


def test_a_server_that_hangs_counts_as_away_and_gets_everything_once_it_goes_on(
    pausable: Debian, tmp_path: Path
) -> None:
    with closing(connect(pausable.database, "owner", application="tests")) as owner:
        published = filled(tmp_path, owner)
        with publishing(published, pausable.database) as running:
            wait_until(lambda: running.rows == 40)
            pause(pausable)
            published.append(EVENTS, *map(event, range(20, 30)))
            wait_until(lambda: "no answer" in running.breaker.error or "timeout expired" in running.breaker.error)
            resume(pausable)
            wait_until(lambda: running.rows == 50)
        assert published.is_equal(owner, EVENTS)


def test_a_stream_that_is_told_to_stop_does_not_wait_for_a_server_that_hangs(pausable: Debian, tmp_path: Path) -> None:
    with closing(connect(pausable.database, "owner", application="tests")) as owner:
        published = filled(tmp_path, owner)
    with publishing_in_background(
        published.settings(pausable.database), published.registry, published.lake, once=False
    ):
        wait_until(lambda: is_published(published, EVENTS))
        pause(pausable)
        published.append(EVENTS, *map(event, range(20, 30)))
    assert not [each for each in threading.enumerate() if each.name.startswith("publish") and each.is_alive()]


def test_a_stop_ends_a_transaction_that_is_under_way_and_nothing_of_it_is_there(
    published: PublishedLake, database: Database, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOCK_SECONDS", 3_600.0)
    with closing(connect(database, "owner", application="tests")) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        with publishing(published, database) as running:
            wait_until(lambda: running.watchdog.longest_silence() > 0.1)
    found = read_state(published.lake)
    assert found is not None
    assert (found.error, [one.error for one in found.tables if one.error]) == ("", [])
    with publishing(published, database):
        wait_until(lambda: is_published(published, PRODUCTS))
    assert published.is_equal(postgres, PRODUCTS)


def test_a_worker_that_dies_is_started_again_and_seen(
    published: PublishedLake, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Worker.run
    died: list[Any] = []

    def dies_once(self: Worker) -> None:
        if self.name == "stream" and not died:
            died.append(self.name)
            raise RuntimeError("nobody has foreseen this")
        run(self)

    monkeypatch.setattr(Worker, "run", dies_once)
    with publishing(published, database):
        wait_until(lambda: is_published(published, EVENTS, PRODUCTS))
    run_status(published.settings(database), ["products"], json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "the lane stream died and was started again, 1 time," in shown
    assert "RuntimeError: nobody has foreseen this" in shown


def test_a_table_whose_log_cannot_be_read_keeps_no_other_of_its_worker_away(
    published: PublishedLake, database: Database, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: str) -> Any:
        if path == published.table(PRODUCTS).path:
            raise ValueError("no JSON")
        return open_snapshot(path)

    monkeypatch.setattr(worker, "open_snapshot", broken)
    with publishing(published, database) as running:
        wait_until(
            lambda: is_published(published, EVENTS) and "cannot be read: ValueError" in progress(published, PRODUCTS)[1]
        )
        running.wait_until_published(PATIENCE)
    assert published.is_equal(postgres, EVENTS)


def test_a_database_that_cannot_be_used_is_said_and_tried_again(
    published: PublishedLake, database: Database, monkeypatch: pytest.MonkeyPatch, postgres: Connection
) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0.05)
    execute(postgres, "UPDATE schema_migrations SET checksum = checksum || 'x' WHERE version = 1")

    def error() -> str:
        found = read_state(published.lake)
        return found.error if found is not None else ""

    with publishing_in_background(published.settings(database), published.registry, published.lake, once=False):
        wait_until(lambda: "V001 bookkeeping is not what was applied" in error())
        execute(postgres, "UPDATE schema_migrations SET checksum = left(checksum, 64) WHERE version = 1")
        wait_until(lambda: is_published(published, EVENTS, PRODUCTS))
    assert error() == ""


def test_a_process_ends_although_its_embedded_server_hangs(embedded: Server) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from config.postgres_embedded import ensure_running, _servers\n"
        "ensure_running(Path(sys.argv[1])); (server,) = _servers.values(); os.kill(server.get_pid(), signal.SIGSTOP)"
    )
    (embedded.root / ".handle_pids.json").write_text("[]")
    try:
        done = subprocess.run([sys.executable, "-c", code, str(embedded.root)], timeout=PATIENCE, check=False)
        assert done.returncode == 0
    finally:
        os.kill(int((embedded.root / "postmaster.pid").read_text().splitlines()[0]), signal.SIGCONT)
