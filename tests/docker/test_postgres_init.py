"""The file that makes roles, run against Debian's server as its superuser; then the product as the logins that it made."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from support.dockerfile import DOCKER
from support.lakes import new_workspace
from support.postgres_servers import DEBIAN, Debian, as_nobody, debian_server
from support.published_lake import PublishedLake, dead_letter

from config.errors import DatabaseError
from config.forms import Secret
from config.postgres import connect
from spark_jobs.publish.schema import prepare_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.groups import Database

SCRIPT = DOCKER / "postgres" / "init" / "10-roles.sh"
PASSWORDS = {"TALLYLAKE_PASSWORD": "o'wn:\\er $1 `x` ü", "TALLYLAKE_API_PASSWORD": 'rea"der %'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """A server on which it was run once, while every statement was logged."""
    if DEBIAN is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    found = debian_server(tmp_path_factory.mktemp("init") / "debian")
    as_admin(
        found,
        "DROP DATABASE tallylake;\nDROP ROLE shop;\nALTER SYSTEM SET log_statement = 'all';\nSELECT pg_reload_conf();",
    )
    done = init(found)
    assert done.returncode == 0, done.stderr
    yield found
    found.stop()


def as_admin(server: Debian, sql: str) -> str:
    done = as_nobody("psql", "-h", str(server.root), "-p", server.port, "-U", "admin", "-qAt", "postgres", text=sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def init(server: Debian, **passwords: str) -> subprocess.CompletedProcess[str]:
    env = {"PGHOST": str(server.root), "PGPORT": server.port, "POSTGRES_USER": "admin", **PASSWORDS, **passwords}
    path = f"{DEBIAN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run([SCRIPT], env={**env, "PATH": path}, capture_output=True, text=True, check=False, timeout=60)


def login(server: Debian, user: str, password: str) -> Database:
    return replace(server.database, user=user, password=Secret(password))


@pytest.fixture
def owner(server: Debian) -> Database:
    return login(server, "tallylake", PASSWORDS["TALLYLAKE_PASSWORD"])


@pytest.fixture
def api(server: Debian) -> Database:
    return login(server, "tallylake_api", PASSWORDS["TALLYLAKE_API_PASSWORD"])


@pytest.fixture
def lake(owner: Database, tmp_path: Path) -> PublishedLake:
    """A lake with three dead letters, published to that server."""
    made = PublishedLake(new_workspace(tmp_path))
    with closing(connect(owner, "owner", application="tests")) as connection:
        wanted = prepare_database(connection, made.registry, made.lake, login_roles=False)
    made.targets = {one.table.name: one for one in wanted}
    made.append("ops/dead_letters", *map(dead_letter, range(3)))
    made.publisher(owner).catch_up()
    return made


def test_the_product_publishes_as_one_login_and_reads_as_the_other(lake: PublishedLake, api: Database) -> None:
    with closing(connect(api, "reader", application="tests")) as connection:
        assert lake.is_equal(connection, "ops/dead_letters")


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM dead_letter_events",
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "SET ROLE tallylake_writer",
        "SET ROLE tallylake",
    ],
)
def test_the_api_s_login_changes_nothing_whatever_it_says_of_itself(api: Database, change: str) -> None:
    assert api.password is not None
    named: dict[str, Any] = {
        "host": api.host,
        "port": api.port,
        "dbname": api.name,
        "user": api.user,
        "password": api.password.reveal(),
    }
    with closing(psycopg2.connect(**named)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW default_transaction_read_only")
        assert cursor.fetchone() == ("on",)
        cursor.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(change)


def test_run_again_it_changes_passwords_and_nothing_else(server: Debian, lake: PublishedLake, api: Database) -> None:
    described = (
        "SELECT datname, datdba::regrole, datacl FROM pg_database;"
        "SELECT member::regrole, roleid::regrole FROM pg_auth_members"
    )
    before = as_admin(server, described)
    done = init(server, TALLYLAKE_API_PASSWORD="an0ther")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(api, "reader", application="tests")
    with closing(connect(replace(api, password=Secret("an0ther")), "reader", application="tests")) as connection:
        assert lake.is_equal(connection, "ops/dead_letters")
    assert as_admin(server, described) == before
    assert init(server).returncode == 0


def test_no_password_comes_into_the_server_s_log(server: Debian) -> None:
    log = (server.root.parent / "postgres.log").read_text()
    assert "statement: ALTER SCHEMA public OWNER TO tallylake" in log, "statements without passwords may be"
    assert not any(part in log for part in ("o'wn", "er $1", 'rea"der', "an0ther"))


@pytest.mark.parametrize("variable", sorted(PASSWORDS))
def test_without_a_password_nothing_is_made(server: Debian, variable: str) -> None:
    done = init(server, **{variable: ""}, PGHOST="/nowhere")
    assert done.returncode != 0
    assert f"{variable}: is the password of the login" in done.stderr
