"""Moves the tables that releases before 0.2 published to ``public`` to publishing's own schema, with all that is in them.

Rows, positions, indexes, grants and what others have built on them stay as they are; only the schema is another. Done twice, the
second time finds nothing there to move. What another lake has published is left alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish.ddl import OURS
from spark_jobs.publish.errors import MigrationError
from spark_jobs.publish.migrations import files
from spark_jobs.publish.names import qualified
from spark_jobs.publish.target import BOOKKEEPING
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from spark_jobs.publish.target import Target

log = logging.getLogger("tallylake.publish")

#: The comment of the table of positions, by which it is recognised; V001 has made it.
_POSITIONS = "One row for each table of the lake: the version of it that Postgres shows, committed with the rows"
_IS_TO_MOVE = (
    "SELECT obj_description(to_regclass('public.published_tables'), 'pg_class') = %s AND to_regclass(%s) IS NULL"
)
_OWN = [*BOOKKEEPING, "quality_by_hour"]
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
    "AND (starts_with(obj_description(oid, 'pg_class'), %s) OR relname = ANY (%s)) ORDER BY relname = ANY (%s) DESC, relname"
)
#: Our views on a table, by names that nobody else can have given, and functions that return its rows or that its triggers run.
_VIEWS = (
    "SELECT DISTINCT 'VIEW', v.relname, '' FROM pg_depend d "
    "JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid "
    "JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.relnamespace = 'public'::regnamespace "
    "JOIN pg_class t ON t.oid = d.refobjid WHERE t.relname = %s AND t.relnamespace = 'public'::regnamespace "
    "AND (v.relname = ANY (%s) OR v.relname = 'v_' || t.relname)"
)
_FUNCTIONS = (
    "SELECT 'FUNCTION', p.proname, '(' || pg_get_function_identity_arguments(p.oid) || ')' FROM pg_proc p "
    "JOIN pg_class t ON t.relname = %s AND t.relnamespace = 'public'::regnamespace "
    "WHERE p.pronamespace = 'public'::regnamespace AND (p.oid IN (SELECT tgfoid FROM pg_trigger WHERE tgrelid = t.oid "
    "AND starts_with(tgname, 'quality_')) OR (p.prorettype = t.reltype AND "
    "(p.proname = 'quality_between' OR right(p.proname, 6) = '_as_of')))"
)
_TAKEN = (errors.DuplicateTable, errors.DuplicateObject, errors.DuplicateFunction)


def move_from_public(cursor: Cursor, schema: str, wanted: Sequence[Target]) -> None:
    """Move what an earlier release has published of this lake to ``public``, where the schema has nothing of ours yet."""
    cursor.execute(_IS_TO_MOVE, (_POSITIONS, qualified(schema, "published_tables")))
    if cursor.fetchone() != (True,):
        return
    try:
        if _is_of_this_lake(cursor, wanted):
            _move_all(cursor, schema)
        else:
            log.warning("the tables in public were published from another lake: they are left alone")
    except errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"tables in public that were published before belong to another login: start once as that one, which moves them to "
            f"the schema {schema}, or drop public.published_tables, which leaves them where they are"
        ) from error


def _is_of_this_lake(cursor: Cursor, wanted: Sequence[Target]) -> bool:
    """True if they were published from this lake: a rebuilt table has another id, but of another lake all have."""
    cursor.execute("SELECT lake_table, lake_table_id FROM public.published_tables WHERE lake_table_id IS NOT NULL")
    published = dict(cursor.fetchall())
    here = {target.table.name: open_snapshot(target.table.path) for target in wanted if target.table.name in published}
    same = [now.metadata["id"] == published[name] for name, now in here.items() if now is not None]
    return not published or any(same)


def _move_all(cursor: Cursor, schema: str) -> None:
    cursor.execute(_TABLES, (OURS, _OWN, _OWN))
    tables = [name for (name,) in cursor.fetchall()]
    views = [name for _, name, _ in files("R")]
    for table in tables:
        cursor.execute(_VIEWS, (table, views))
        others = cursor.fetchall()
        cursor.execute(_FUNCTIONS, (table,))
        others += cursor.fetchall()
        if _move(cursor, schema, "TABLE", table):
            for kind, name, arguments in others:
                _move(cursor, schema, kind, name, arguments)
        else:
            line = "UPDATE {} SET lake_table_id = NULL, version = NULL WHERE table_name = %s"
            cursor.execute(sql.SQL(line).format(sql.Identifier(schema, "published_tables")), (table,))
    log.warning("%d tables that were published to public are in the schema %s from now on", len(tables), schema)


def _move(cursor: Cursor, schema: str, kind: str, name: str, arguments: str = "") -> bool:
    """Move one object; False where the schema has something of that name already, which is left alone."""
    cursor.execute("SAVEPOINT a_move")
    try:
        line = sql.SQL(f"ALTER {kind} {{}}{arguments} SET SCHEMA {{}}")
        cursor.execute(line.format(sql.Identifier("public", name), sql.Identifier(schema)))
    except _TAKEN as error:
        if name in BOOKKEEPING:
            raise MigrationError(
                f"{schema}.{name} is there already and was not made by Tallylake: rename it, or have POSTGRES_SCHEMA name another "
                "schema"
            ) from error
        cursor.execute("ROLLBACK TO SAVEPOINT a_move")
        log.warning("public.%s stays where it is, as the schema %s has another %s", name, schema, name)
        return False
    if kind != "TABLE" or name in _OWN:
        line = sql.SQL(f"COMMENT ON {kind} {{}}{arguments} IS {{}}")
        cursor.execute(line.format(sql.Identifier(schema, name), sql.Literal(f"{OURS}taken over from public")))
    return True
