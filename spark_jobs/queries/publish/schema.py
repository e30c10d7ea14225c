"""Bringing a database to the form that publishing needs: roles, migrations, a table for each target, views, grants.

Everything happens in one transaction, under one lock: two that start at once do not meet, and one that is killed has done nothing.
Done twice, the second time finds everything there.
"""

from __future__ import annotations

import logging
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.errors import TallyError
from spark_jobs.queries.publish import ddl
from spark_jobs.queries.publish.targets import Target, entities, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from schema_registry.subject import Registry
    from spark_jobs.lake import Lake

log = logging.getLogger("tallylake.publish")

MIGRATIONS = Path(__file__).parent / "migrations"
#: Any number that no one else locks: the first eight bytes of the SHA-256 of "tallylake".
LOCK = int.from_bytes(sha256(b"tallylake").digest()[:8], "big", signed=True)
WRITER, READER = "tallylake_writer", "tallylake_reader"
_NAME = re.compile(r"([VR])(\d+)__(\w+)\.sql")
_NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)


class MigrationError(TallyError):
    """The database cannot be brought to the form that publishing needs."""


def prepare(
    connection: Connection, registry: Registry, lake: Lake, *, raw_events: bool = True, login_roles: bool = True
) -> tuple[Target, ...]:
    """Have everything in the database that publishing needs, and return what is to be published.

    ``connection`` belongs to the owner of the tables. ``login_roles``: whether the writer and the reader may log in by
    themselves, as they do in the embedded server.
    """
    subjects = [registry.subject(name) for name in sorted(registry.subjects)]
    wanted = targets(lake, subjects, raw_events=raw_events)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        _make_roles(cursor, login=login_roles)
        _migrate(cursor)
        for target in {target.name: target for target in wanted}.values():
            _have_table(cursor, target)
        views = [
            _have_view(cursor, ddl.view_name(entity), ddl.entity_view(entity)) for entity in entities(lake, subjects)
        ]
        _run(cursor, [line for entity in entities(lake, subjects) if (line := ddl.as_of_function(entity)) is not None])
        views += _make_views(cursor)
        _list_tables(cursor, wanted)
        _grant(cursor, [target.name for target in wanted], views)
    return wanted


def _run(cursor: Cursor, statements: Iterable[sql.Composable]) -> None:
    for statement in statements:
        cursor.execute(statement)


def _make_roles(cursor: Cursor, *, login: bool) -> None:
    """The writer and the reader, where they are not there yet. The owner becomes a member, so that it may act as either."""
    for role in (WRITER, READER):
        cursor.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (role,))
        found = cursor.fetchone()
        try:
            if found is None:
                cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            if login and not (found and found[0]):
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


def _migrate(cursor: Cursor) -> None:
    """Apply the versioned migrations that are new, in order. One that was applied and then edited is refused."""
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    cursor.execute("SELECT version, checksum FROM schema_migrations")
    applied: Mapping[int, str] = dict(cursor.fetchall())
    for version, name, text in _files("V"):
        checksum = sha256(text.encode()).hexdigest()
        if version in applied:
            if applied[version] != checksum:
                raise MigrationError(
                    f"migration V{version:03} {name} is not what was applied to this database: restore the file, "
                    "and write a new migration for what is to change"
                )
            continue
        cursor.execute(text)
        row = (version, name, checksum)
        cursor.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)", row)
    ahead = max(applied, default=0) - max(version for version, _, _ in _files("V"))
    if ahead > 0:
        raise MigrationError("the database was prepared by a newer Tallylake: use that one, or another database")


def _files(kind: str) -> Iterator[tuple[int, str, str]]:
    for path in sorted(MIGRATIONS.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is not None and match[1] == kind:
            yield int(match[2]), match[3], path.read_text(encoding="utf-8")


def _have_table(cursor: Cursor, target: Target) -> None:
    """Create the table, or add what it lacks.

    Postgres only shows the lake: a table of another shape is made anew, and filled again from the lake.
    """
    comment, have = _found(cursor, target.name)
    wanted = {field.name: ddl.type_name(field.type) for field in target.columns}
    other = {name for name, type_ in wanted.items() if have.get(name, type_) != type_}
    if have and (other or comment != ddl.table_comment(target)):
        log.warning(
            "%s has another shape than %s now has: it is made anew and filled again", target.name, target.table.name
        )
        cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(target.name)))
        cursor.execute("DELETE FROM published_tables WHERE table_name = %s", (target.name,))
        cursor.execute("DELETE FROM repeated_events WHERE subject = %s", (target.name,))
        have = {}
    if not have:
        _run(cursor, ddl.create_table(target))
    else:
        _run(cursor, [ddl.add_column(target, field) for field in target.columns if field.name not in have])
    _have_checks(cursor, target)
    _run(cursor, ddl.create_indexes(target))


def _found(cursor: Cursor, name: str) -> tuple[str | None, dict[str, str]]:
    """A table's comment, and its columns with their types; no columns where there is no table."""
    cursor.execute(
        "SELECT obj_description(c.oid, 'pg_class'), a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.oid = to_regclass(%s)",
        (f'public."{name}"',),
    )
    rows = cursor.fetchall()
    return (rows[0][0] if rows else None), {column: type_ for _, column, type_ in rows}


def _have_checks(cursor: Cursor, target: Target) -> None:
    cursor.execute(
        "SELECT conname, obj_description(oid, 'pg_constraint') FROM pg_constraint "
        "WHERE conrelid = to_regclass(%s) AND contype = 'c' AND starts_with(conname, 'tally_')",
        (f'public."{target.name}"',),
    )
    have = dict(cursor.fetchall())
    wanted = {ddl.check_name(check): check for check in target.checks}
    for name, condition in have.items():
        if name not in wanted or wanted[name].sql != condition:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            cursor.execute(drop.format(sql.Identifier(target.name), sql.Identifier(name)))
            have = {other: sql_ for other, sql_ in have.items() if other != name}
    _run(cursor, [line for name, check in wanted.items() if name not in have for line in ddl.add_check(target, check)])


def _make_views(cursor: Cursor) -> list[str]:
    """The views, and the sums that are made like one, whose tables are there, by name.

    A contract that lacks a column of one costs that view, and is said.
    """
    made = []
    for _, name, text in _files("R"):
        needs = _NEEDS.search(text)
        if not all(_found(cursor, table)[1] for table in (needs[1].split(", ") if needs else ())):
            continue
        try:
            made.append(_have_view(cursor, name, sql.SQL(text)))
        except errors.UndefinedColumn as error:
            cursor.execute("ROLLBACK TO SAVEPOINT a_view")
            log.warning("there is no view %s, as its tables lack a column: %s", name, str(error).splitlines()[0])
    return made


def _have_view(cursor: Cursor, name: str, definition: sql.Composable) -> str:
    """Make the view, or make it say what it now should; one whose columns became others is dropped with what stands on it."""
    cursor.execute("SAVEPOINT a_view")
    try:
        cursor.execute(definition)
    except errors.InvalidTableDefinition:
        cursor.execute("ROLLBACK TO SAVEPOINT a_view")
        log.warning("%s has other columns than before: it is made anew, and views that stand on it are dropped", name)
        cursor.execute(sql.SQL("DROP VIEW {} CASCADE").format(sql.Identifier(name)))
        cursor.execute(definition)
    return name


def _list_tables(cursor: Cursor, wanted: Sequence[Target]) -> None:
    rows = [(target.table.name, target.name) for target in wanted]
    for row in rows:
        cursor.execute(
            "INSERT INTO published_tables (lake_table, table_name) VALUES (%s, %s) ON CONFLICT (lake_table) DO NOTHING",
            row,
        )


def _grant(cursor: Cursor, tables: Sequence[str], views: Sequence[str]) -> None:
    """The writer changes rows and no structure; the reader reads. Nothing is said of tables that are not ours."""
    roles = {"writer": sql.Identifier(WRITER), "reader": sql.Identifier(READER)}
    written = ddl.identifiers(sorted({*tables, "published_tables", "repeated_events"}))
    read = ddl.identifiers(sorted({*views, "schema_migrations"}))
    for line in (
        "GRANT USAGE ON SCHEMA public TO {writer}, {reader}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {written} TO {writer}",
        "GRANT SELECT ON {written}, {read} TO {reader}",
        "GRANT SELECT ON {read} TO {writer}",
    ):
        cursor.execute(sql.SQL(line).format(**roles, written=written, read=read))
