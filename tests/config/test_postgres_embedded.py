"""config.postgres_embedded: a server that many processes share, and that outlives those that are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest
from support.postgres_servers import NOBODY, Server

from config.errors import DatabaseError
from config.postgres import connect, stop_embedded
from config.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config.groups import Database

ROOT = Path(__file__).resolve().parents[2]
#: Connects, says so, and ends when its input does.
USER = """
import sys
from config.postgres import connect
from config.settings import load
connection = connect(load(dotenv=None).database, "owner", application="a user")
print("in", flush=True)
sys.stdin.read()
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
"""


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Database]:
    """Where an embedded server will be; nothing is there yet."""
    found = load({"POSTGRES_ROOT": str(tmp_path / "new" / "postgres")}, dotenv=None).database
    yield found
    stop_embedded(found)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of a server that is stopped."""
    root = tmp_path_factory.mktemp("made") / "postgres"
    found = load({"POSTGRES_ROOT": str(root)}, dotenv=None).database
    one(found, "SELECT 1")
    stop_embedded(found)
    return root


@pytest.fixture
def database(made: Path, nowhere: Database) -> Database:
    """An embedded server that does not run yet; copying its data is quicker than making it."""
    copy(made, nowhere)
    return nowhere


def copy(made: Path, database: Database) -> None:
    database.root.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(made), str(database.root)], check=True)


@contextmanager
def user(database: Database, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that is connected until the block ends."""
    process = started(database, *before)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.communicate(timeout=60)


def started(database: Database, *before: str) -> subprocess.Popen[str]:
    env = {**os.environ, "POSTGRES_ROOT": str(database.root), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*before, sys.executable, "-W", "error", "-c", USER]
    return subprocess.Popen(
        command, cwd="/", env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def postmaster(database: Database) -> psutil.Process:
    return psutil.Process(int((database.root / "postmaster.pid").read_text().splitlines()[0]))


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def one(database: Database, query: str) -> object:
    connection = connect(database, "owner", application="a test")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return (cursor.fetchone() or [None])[0] if cursor.description else None
    finally:
        connection.close()


def test_processes_that_start_at_once_share_one_server(nowhere: Database) -> None:
    users = [started(nowhere) for _ in range(3)]
    assert [process.stdout.readline() for process in users if process.stdout] == ["in\n"] * 3
    server = postmaster(nowhere)
    for process in users:
        process.communicate(timeout=60)
        assert process.returncode == 0, "the server was stopped under one that used it"
    assert is_gone(server)


def test_the_server_outlives_a_user_that_is_killed_and_ends_with_the_last_one(database: Database) -> None:
    with user(database) as first:
        server = postmaster(database)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        with user(database) as second:
            assert postmaster(database) == server
        assert second.returncode == 0
    assert is_gone(server)


def test_what_a_killed_user_committed_is_there_and_what_it_did_not_is_not(database: Database) -> None:
    one(database, "CREATE TABLE things (name text); INSERT INTO things VALUES ('a')")
    with user(database) as killed:
        killed.kill()
    assert one(database, "SELECT string_agg(name, '') FROM things") == "a"


def test_a_server_that_is_killed_is_started_by_the_next_and_stopped_by_the_last(database: Database) -> None:
    """The process that had started it knows only the one that was killed."""
    with user(database):
        Server(database.root, {}).kill()
        with user(database) as second:
            server = postmaster(database)
        assert second.returncode == 0
        assert not is_gone(server), "the first one may come back to it"
    assert is_gone(server)


def test_a_note_of_a_process_that_is_someone_else_by_now_does_not_pass_for_a_server(database: Database) -> None:
    one(database, "CREATE TABLE things (name text)")
    Server(database.root, {}).kill()
    for note in (database.root / "postmaster.pid", database.root / ".s.PGSQL.5432.lock"):
        _, *rest = note.read_text().splitlines()
        note.write_text("\n".join([str(os.getpid()), *rest, ""]))
    assert one(database, "SELECT count(*) FROM things") == 0


def test_users_that_are_noted_and_gone_or_half_noted_keep_nothing_up(database: Database) -> None:
    one(database, "SELECT 1")
    stop_embedded(database)
    for noted in (json.dumps([2**22 - 1]), "[12, "):
        (database.root / ".handle_pids.json").write_text(noted)
        with user(database):
            server = postmaster(database)
        assert is_gone(server)


@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_data_that_was_being_made_when_its_maker_was_killed_is_made_anew(
    nowhere: Database, kill: Callable[[int, int], None]
) -> None:
    """With the maker alone killed, initdb goes on for a while."""
    maker = started(nowhere)
    while not unfinished(nowhere):
        assert maker.poll() is None
    kill(maker.pid, signal.SIGKILL)
    maker.communicate(timeout=60)
    assert unfinished(nowhere)
    assert one(nowhere, "SELECT 1") == 1
    assert not unfinished(nowhere)


def unfinished(database: Database) -> list[Path]:
    return list(database.root.parent.glob(".postgres.*.new"))


def test_data_that_was_removed_under_a_server_is_made_anew_and_that_server_is_ended(database: Database) -> None:
    one(database, "CREATE TABLE things (name text)")
    old = postmaster(database)
    shutil.rmtree(database.root)
    assert one(database, "SELECT to_regclass('things')") is None
    assert is_gone(old)


def test_a_folder_with_something_else_in_it_is_left_alone(nowhere: Database) -> None:
    mine = nowhere.root / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(DatabaseError, match=r"does not start \(.*not empty"):
        one(nowhere, "SELECT 1")
    assert [path.name for path in nowhere.root.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["postgres", "p" * 120])
def test_no_one_else_can_open_the_socket(made: Path, nowhere: Database, name: str) -> None:
    """Whoever can is a superuser, and the folder of a socket whose data lies deep is open to all."""
    database = replace(nowhere, root=nowhere.root.with_name(name))
    copy(made, database)
    connection = connect(database, "owner", application="a test")
    try:
        socket = Path(connection.get_dsn_parameters()["host"]) / ".s.PGSQL.5432"
        assert socket.stat().st_mode & 0o777 == 0o700
    finally:
        connection.close()
        stop_embedded(database)


def test_a_server_that_is_stopped_is_away_for_those_that_were_connected_and_starts_again(database: Database) -> None:
    connection = connect(database, "owner", application="a test")
    stop_embedded(database)
    with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert one(database, "SELECT 1") == 1


@pytest.mark.skipif(not NOBODY, reason="only root can be someone else too")
def test_someone_who_is_not_root_has_a_server_too_on_a_machine_where_root_has_one(
    made: Path, database: Database
) -> None:
    one(database, "SELECT 1")
    own = replace(database, root=database.root.parent / "others" / "postgres")
    copy(made, own)
    subprocess.run(["chown", "-R", "nobody:nogroup", str(own.root.parent)], check=True)
    with user(own, *NOBODY):
        server = postmaster(own)
        assert server.username() == "nobody"
    assert is_gone(server)
