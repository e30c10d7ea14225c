"""The two roles and the schema of publishing: both are made where they are missing, with their search path and grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish.errors import MigrationError
from spark_jobs.publish.names import qualified

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

WRITER, READER = "tallylake_writer", "tallylake_reader"
_HAS_SEARCH_PATH = (
    "SELECT 1 FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase "
    "WHERE r.rolname = %s AND d.datname = current_database() AND %s = ANY (setconfig)"
)


def create_roles(cursor: Cursor, *, login: bool) -> None:
    """Create the writer and the reader where they are missing. The owner becomes a member, so that it may act as either."""
    for role in (WRITER, READER):
        cursor.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (role,))
        existing = cursor.fetchone()
        try:
            if existing is None:
                cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            if login and not (existing and existing[0]):
                cursor.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))
            # From 16 on whoever makes a role may grant it, but not act as it.
            may = "SET" if cursor.connection.server_version >= 160_000 else "MEMBER"
            cursor.execute("SELECT 1 WHERE pg_has_role(current_user, %s, %s)", (role, may))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        except errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"the login may not create the role {role} or join it: have an administrator run the files of "
                "docker/postgres/init, then start again"
            ) from error


def create_schema(cursor: Cursor, schema: str) -> None:
    """Create the schema where it is missing; one that is there is used as it is, with whatever others have in it."""
    cursor.execute("SELECT current_user, EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (schema,))
    login, there = cursor.fetchone() or ("", False)
    try:
        if not there:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        cursor.execute("SELECT has_schema_privilege(%s, 'CREATE')", (schema,))
        (may,) = cursor.fetchone() or (False,)
    except errors.InsufficientPrivilege as error:
        raise _no_schema(schema, login) from error
    if not may:
        raise _no_schema(schema, login)


def _no_schema(schema: str, login: str) -> MigrationError:
    return MigrationError(
        f"the login {login} may not make the schema {schema} or tables in it: have an administrator run "
        f'CREATE SCHEMA IF NOT EXISTS {schema}; GRANT ALL ON SCHEMA {schema} TO "{login}", then start again'
    )


def set_search_path(cursor: Cursor, schema: str) -> None:
    """Make the roles find the tables without their schema when they log in by themselves.

    Our own connections set the path themselves. A login that may not set it leaves it to docker/postgres/init.
    """
    for role in (WRITER, READER):
        cursor.execute(_HAS_SEARCH_PATH, (role, f"search_path={schema}, public"))
        if cursor.fetchone() is not None:
            continue
        cursor.execute("SAVEPOINT a_role")
        try:
            line = "ALTER ROLE {} IN DATABASE {} SET search_path = {}, public"
            names = map(sql.Identifier, (role, cursor.connection.info.dbname, schema))
            cursor.execute(sql.SQL(line).format(*names))
        except errors.InsufficientPrivilege:
            cursor.execute("ROLLBACK TO SAVEPOINT a_role")


def grant_usage(cursor: Cursor, schema: str) -> None:
    """Let both roles use what they are granted in the schema."""
    line = "GRANT USAGE ON SCHEMA {} TO {}, {}"
    cursor.execute(sql.SQL(line).format(*map(sql.Identifier, (schema, WRITER, READER))))


def grant(cursor: Cursor, schema: str, name: str, *, written: bool) -> None:
    """Let the reader read a table or view, and the writer as well; with ``written`` the writer may change rows, but no structure.

    Privileges that are there are not granted again, as that would wait for whoever holds the table locked.
    """
    wanted = {WRITER: "SELECT, INSERT, UPDATE, DELETE" if written else "SELECT", READER: "SELECT"}
    for role, privileges in wanted.items():
        has_all = "SELECT bool_and(has_table_privilege(%s, to_regclass(%s), one)) FROM unnest(%s) one"
        cursor.execute(has_all, (role, qualified(schema, name), privileges.split(", ")))
        if cursor.fetchone() != (True,):
            line = sql.SQL(f"GRANT {privileges} ON {{}} TO {{}}")
            cursor.execute(line.format(sql.Identifier(schema, name), sql.Identifier(role)))
