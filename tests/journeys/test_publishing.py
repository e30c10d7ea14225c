"""Publishing as a process of its own, killed on either side: afterwards Postgres shows what the lake has, row by row.

Covers: spark_jobs.cli.publish, spark_jobs.render.publish.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.lakes import new_workspace
from support.postgres_servers import PASSWORD
from support.processes import ROOT, Terminal, kill_session, wait_for
from support.published_lake import PublishedLake, bronze_row, dead_letter, event, product

from config.postgres import connect

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from support.postgres_servers import Server

pytestmark = pytest.mark.journey

PUBLISHES = str(ROOT / "tests" / "support" / "killed_publishing.py")
TABLES = ("silver/ecommerce_events", "silver/products", "ops/dead_letters", "bronze/ecommerce_events")
#: What Postgres or the system says of a server that has gone; which of them is told last is a matter of moments.
OUTAGE = ("refused", "server closed the connection", "terminating connection")
ROWS = 3_000


@pytest.fixture
def terminal(tmp_path: Path, server: Server) -> Terminal:
    return Terminal(tmp_path, {**server.env, "PUBLISH": "on"})


@pytest.fixture
def lake(tmp_path: Path, server: Server) -> PublishedLake:
    """A lake of one version of each table; Postgres has the tables and no rows."""
    made = PublishedLake(new_workspace(tmp_path))
    with_connection(server, made.prepare)
    made.append("silver/ecommerce_events", *map(event, range(ROWS)))
    made.append("bronze/ecommerce_events", *map(bronze_row, range(ROWS)))
    made.append("ops/dead_letters", *map(dead_letter, range(ROWS)))
    made.put("silver/products", *map(product, range(ROWS)))
    return made


def with_connection(server: Server, action: Callable[..., object]) -> None:
    connection = connect(server.database, "owner", application="tests")
    try:
        action(connection)
    finally:
        connection.close()


def change(lake: PublishedLake) -> None:
    """A second version of each table, of which much is new and some is gone."""
    lake.append("silver/ecommerce_events", *map(event, range(ROWS, 2 * ROWS)))
    lake.append("bronze/ecommerce_events", *map(bronze_row, range(ROWS, 2 * ROWS)))
    lake.put("silver/products", *[product(number, brand="b") for number in range(1_000)], gone=range(2_000, 3_000))


def assert_equal(lake: PublishedLake, server: Server) -> None:
    with_connection(server, lambda connection: [lake.is_equal(connection, name) for name in TABLES])


def run(terminal: Terminal, *arguments: str) -> subprocess.CompletedProcess[str]:
    return terminal.run(sys.executable, *arguments)


def publish_once(terminal: Terminal) -> None:
    done = run(terminal, "-m", "spark_jobs", "publish", "--once")
    assert done.returncode == 0, done.stderr


def test_a_publisher_that_is_killed_at_any_step_is_finished_by_the_next(
    terminal: Terminal, lake: PublishedLake, server: Server
) -> None:
    for step in ("copying", "merging", "noting", "committed"):
        assert run(terminal, PUBLISHES, step, "publish", "--once").returncode == -9, step
        if step == "noting":
            publish_once(terminal)
            assert_equal(lake, server)
            change(lake)
    publish_once(terminal)
    assert_equal(lake, server)


@pytest.fixture
def publisher(terminal: Terminal, lake: PublishedLake) -> Iterator[subprocess.Popen[bytes]]:
    """A publisher that waits in the middle of the rows of a table."""
    terminal.env.update(HERE=str(terminal.root / "here"), GO=str(terminal.root / "go"))
    process = terminal.start(sys.executable, PUBLISHES, "waiting", "publish", log="publish.out")
    try:
        wait_for(Path(terminal.env["HERE"]).exists, process)
        yield process
    finally:
        kill_session(process)


def test_postgres_killed_in_the_middle_of_a_copy_and_started_again_gets_all_of_it(
    terminal: Terminal, lake: PublishedLake, server: Server, publisher: subprocess.Popen[bytes]
) -> None:
    server.kill()
    Path(terminal.env["GO"]).touch()
    server.start()
    change(lake)

    def caught_up() -> bool:
        connection = connect(server.database, "owner", application="tests")
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT lake_table, version FROM published_tables WHERE lake_table = ANY(%s)", (list(TABLES),)
            )
            there = dict(cursor.fetchall())
        connection.close()
        return there == {name: lake.snapshot(name).version for name in TABLES}

    wait_for(caught_up, publisher)
    assert_equal(lake, server)


def test_a_stream_goes_on_while_postgres_is_away_and_catches_up_when_it_is_back(tmp_path: Path, debian: Server) -> None:
    terminal = Terminal(tmp_path, {**debian.env, "PUBLISH": "on"})
    stream = terminal.start(*terminal.tally("stream", "ecommerce_events"), log="stream.out")
    generator = terminal.start(*terminal.generate(every=0.5), log="generator.out")
    try:
        wait_for(lambda: "[Published] ecommerce_events" in terminal.log("spark_streaming"), stream)
        debian.stop()
        wait_for(lambda: publishing(terminal)["circuit"] == "open", stream)
        told, batches = publishing(terminal), terminal.batches()
        assert (told["running"], told["failures"]) == (True, 5)
        assert any(sentence in told["error"] for sentence in OUTAGE), told["error"]
        assert PASSWORD not in terminal.log("spark_streaming")
        terminal.wait_for_batches(batches + 3, stream)
        assert any(table["behind"] > 2 for table in publishing(terminal)["tables"])
        debian.start()
        wait_for(lambda: "Postgres is back" in terminal.log("spark_streaming"), stream)
        generator.send_signal(signal.SIGTERM)
        generator.wait(timeout=60)
        stream.send_signal(signal.SIGTERM)
        assert stream.wait(timeout=120) == 0
    finally:
        kill_session(generator)
        kill_session(stream)
    publish_once(terminal)
    lake = PublishedLake(new_workspace(tmp_path))
    with_connection(debian, lake.prepare)
    with_connection(
        debian, lambda connection: [lake.is_equal(connection, name) for name in TABLES if name != "silver/products"]
    )


def publishing(terminal: Terminal) -> dict[str, Any]:
    (found,) = json.loads(terminal.run(*terminal.tally("status", "ecommerce_events", "--json")).stdout)
    return dict(found["publishing"])
