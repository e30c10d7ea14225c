"""Where and as whom to log in to the Postgres of the settings: roles, parameters, names for people, passwords hidden."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from config.errors import DatabaseError

if TYPE_CHECKING:
    from config.forms import Secret
    from config.groups import Database

Role = Literal["owner", "writer", "reader"]

#: The roles that tables are granted to; see docker/postgres/init and ``publish.roles``.
ROLES: dict[Role, str] = {"writer": "tallylake_writer", "reader": "tallylake_reader"}


def psycopg2_package() -> Any:
    """Import psycopg2, which is an optional dependency; DatabaseError names what installs it."""
    try:
        import psycopg2
        import psycopg2.extensions
    except ImportError as error:
        raise DatabaseError("psycopg2 is not installed: pip install 'tallylake[postgres]'", away=False) from error
    return psycopg2


def is_embedded(database: Database) -> bool:
    """True if no server is named, so that the embedded one is used.

    A DATABASE_READER_URL alone names one for readers only.
    """
    return database.url is None and database.host is None


def display_name(database: Database) -> str:
    """Return where the database is, for people; no part of it is secret."""
    if is_embedded(database):
        return f"embedded Postgres in {database.root}"
    if database.url is None:
        return f"{database.host}:{database.port}/{database.name}"
    with suppress(DatabaseError):  # raised again, and seen, when someone connects
        return _address(parse_url("DATABASE_URL", database.url))
    return "the server of DATABASE_URL"


def display_name_for(database: Database, role: Role) -> str:
    """Return where connections of that role go, for people: a reader's may go to another server."""
    if role == "reader" and database.reader_url is not None:
        return _address(parse_url("DATABASE_READER_URL", database.reader_url))
    return display_name(database)


def server_parameters(database: Database) -> dict[str, Any]:
    """Return psycopg2's parameters for the server that the settings name, by its URL or by its parts."""
    if database.url is not None:
        return parse_url("DATABASE_URL", database.url)
    found = {"host": database.host, "port": database.port, "dbname": database.name, "user": database.user}
    return found | ({"password": database.password.reveal()} if database.password is not None else {})


def parse_url(variable: str, url: Secret) -> dict[str, Any]:
    """Return the parts of a URL by psycopg2's names.

    One whose password spills over into other parts, as / and @ make it, is refused (DatabaseError) without showing it.
    """
    psycopg2 = psycopg2_package()
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


def redact(database: Database, text: str) -> str:
    """Return the text with *** for each password of the settings, however it may be spelled in it."""
    for secret in _secrets(database):
        for spelled in (secret, quote(secret), quote(secret, safe="")):
            text = text.replace(spelled, "***")
    return text


def _address(parts: dict[str, Any]) -> str:
    return f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', parts.get('user', ''))}"


def _secrets(database: Database) -> list[str]:
    """Return what must not be shown, the longest first: URLs, and their passwords as written there and as decoded."""
    found = [database.password.reveal()] if database.password is not None else []
    for url in filter(None, (database.url, database.reader_url)):
        found += [url.reveal(), *re.findall(r"://[^:/@]*:([^@/]+)@", url.reveal())]
        with suppress(psycopg2_package().Error):
            found.append(psycopg2_package().extensions.parse_dsn(url.reveal()).get("password", ""))
    return sorted(filter(None, found), key=len, reverse=True)
