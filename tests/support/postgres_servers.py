"""Real Postgres servers for tests: the embedded one, and Debian's, which may be killed, stopped and started again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from config.postgres import connect
from config.postgres_embedded import ensure_running, stop
from config.settings import load
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from config.groups import Database

#: Debian's newest PostgreSQL.
DEBIAN = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]), default=None)
#: The command prefix by which root becomes nobody.
NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
PASSWORD = "s3cr:t @%"
_numbers = itertools.count()


@dataclass
class Server:
    """A server with its data under ``root``, and the variables by which a process finds it."""

    root: Path
    env: dict[str, str]

    @property
    def database(self) -> Database:
        return load(self.env, dotenv=None).database

    def start(self) -> None:
        ensure_running(self.root)

    def stop(self) -> None:
        stop(self.root)

    def kill(self) -> None:
        """kill -9 of the server and of all that serve its connections; return when all are dead.

        One that lives on would hold the shared memory, and the next server would refuse to start.
        """
        postmaster = psutil.Process(int((self.root / "postmaster.pid").read_text().splitlines()[0]))
        postmaster.suspend()  # so that it starts nobody who is not on the list
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        wait_until(lambda: not any(map(_is_alive, processes)))


def _is_alive(process: psutil.Process) -> bool:
    """True until the process is dead; one that nobody has waited for yet holds nothing any more."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass
class Debian(Server):
    """PostgreSQL as Debian packs it, on a port of its own, with a login that may make roles and databases, and no more."""

    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A child of ours, so that it is gone for good once it was killed."""
        command = [f"{DEBIAN}/postgres", "-D", str(self.root), "-h", "127.0.0.1", "-k", str(self.root), "-p", self.port]
        with (self.root.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen([*NOBODY, *command], cwd="/", stdout=log, stderr=log)
        while as_nobody("pg_isready", "-h", str(self.root), "-p", self.port).returncode != 0:
            assert self.process.poll() is None, (self.root.parent / "postgres.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # a fast shutdown
            self.process.wait(timeout=60)

    def kill(self) -> None:
        super().kill()
        assert self.process is not None
        self.process.wait(timeout=60)

    @property
    def port(self) -> str:
        return self.env["POSTGRES_PORT"]


def as_nobody(program: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of Debian's PostgreSQL, which refuses to serve root."""
    command = [*NOBODY, f"{DEBIAN}/{program}", *arguments]
    return subprocess.run(command, cwd="/", input=text, capture_output=True, text=True, check=False, timeout=60)


def debian_server(root: Path) -> Debian:
    """A new server of Debian's, with an empty database."""
    root.mkdir()
    if NOBODY:
        shutil.chown(root, "nobody", "nogroup")
        for folder in root.parents:
            folder.chmod(folder.stat().st_mode | 0o011)
    made = as_nobody("initdb", "-D", str(root), "-A", "trust", "-U", "admin", "-N")
    assert made.returncode == 0, made.stderr
    (root / "pg_hba.conf").write_text("local all admin trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    env = {
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(_free_port()),
        "POSTGRES_USER": "shop",
        "POSTGRES_PASSWORD": PASSWORD,
    }
    server = Debian(root, env)
    server.start()
    sql = f"CREATE ROLE shop LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}';\nCREATE DATABASE tallylake OWNER shop;\n"
    created = as_nobody(
        "psql", "-h", str(root), "-p", server.port, "-U", "admin", "-v", "ON_ERROR_STOP=1", "postgres", text=sql
    )
    assert created.returncode == 0, created.stderr
    return server


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def embedded_server(root: Path) -> Server:
    """A new embedded server."""
    server = Server(root, {"POSTGRES_ROOT": str(root)})
    server.start()
    return server


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Server]:
    server = embedded_server(tmp_path / "postgres")
    yield server
    server.stop()


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Debian]:
    if DEBIAN is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    server = debian_server(tmp_path / "debian")
    yield server
    server.stop()


@pytest.fixture(params=["embedded", "debian"])
def server(request: pytest.FixtureRequest) -> Server:
    """Both kinds of server, one after the other."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def module_debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """One server of Debian's for the tests of a module."""
    if DEBIAN is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    server = debian_server(tmp_path_factory.mktemp("module") / "debian")
    yield server
    server.stop()


def new_database(server: Server) -> Database:
    """Create an empty database, owned by the server's login."""
    database = replace(server.database, name=f"test{next(_numbers)}")
    with closing(connect(server.database, "owner", application="tests")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {database.name}")
    return database


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One embedded server for tests that leave it alone."""
    server = embedded_server(tmp_path_factory.mktemp("shared") / "postgres")
    yield server
    server.stop()


@pytest.fixture
def database(shared_server: Server) -> Database:
    """An empty database of the shared server."""
    return replace(shared_server.database, name=f"test{next(_numbers)}")


@pytest.fixture
def postgres(database: Database) -> Iterator[Connection]:
    """The owner's connection to an empty database."""
    connection = connect(database, "owner", application="tests")
    yield connection
    connection.close()
