"""Brings published tables to the form that their targets have. What others have made is never changed, nor dropped with a table."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish import ddl
from spark_jobs.publish.catalog import find_relation
from spark_jobs.publish.errors import RefusedError, describe
from spark_jobs.publish.names import column_name, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import cursor as Cursor

    from spark_jobs.publish.target import Target

log = logging.getLogger("tallylake.publish")

#: Our views and functions that depend on a table: they are made again after it.
_VIEWS = (
    "SELECT DISTINCT v.relname FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid "
    "JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' WHERE d.refobjid = to_regclass(%(table)s) "
    "AND v.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) "
    "AND starts_with(obj_description(v.oid, 'pg_class'), %(ours)s)"
)
_FUNCTIONS = (
    "SELECT p.proname FROM pg_proc p JOIN pg_class c ON c.reltype = p.prorettype WHERE c.oid = to_regclass(%(table)s) "
    "AND p.pronamespace = c.relnamespace AND starts_with(obj_description(p.oid, 'pg_proc'), %(ours)s)"
)
_CHECKS = (
    "SELECT conname, obj_description(oid, 'pg_constraint') FROM pg_constraint "
    "WHERE conrelid = to_regclass(%s) AND contype = 'c' AND starts_with(conname, 'tally_')"
)
_INDEXES = (
    "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = to_regclass(%s) "
    "AND (indisunique OR NOT %s)"
)


def ensure_table(cursor: Cursor, target: Target) -> None:
    """Create the table, or add what it lacks; RefusedError where its name is taken, or what others built is in the way.

    Postgres only shows the lake: a table of another shape is made anew, and filled again from the lake.
    """
    existing = find_relation(cursor, target.schema, target.name)
    if existing is not None and _has_other_types(target, existing.columns):
        _drop(cursor, target)
        existing = None
    if existing is None:
        _run(cursor, ddl.create_table(target))
    else:
        _run(cursor, [ddl.add_column(target, f) for f in target.columns if column_name(f.name) not in existing.columns])
        if existing.comment != ddl.table_comment(target):
            _replace_key(cursor, target)
    _ensure_checks(cursor, target)
    _ensure_indexes(cursor, target)


def _run(cursor: Cursor, statements: Iterable[sql.Composable]) -> None:
    """Execute the statements in turn."""
    for statement in statements:
        cursor.execute(statement)


def _has_other_types(target: Target, existing: dict[str, str]) -> bool:
    wanted = {column_name(field.name): ddl.type_name(field.type) for field in target.columns}
    return any(existing.get(name, type_) != type_ for name, type_ in wanted.items())


def _drop(cursor: Cursor, target: Target) -> None:
    """Drop the table with our views and functions on it; RefusedError names what others have on it."""
    log.warning(
        "%s has another shape than %s now has: it is made anew and filled again", target.name, target.table.name
    )
    names = {"table": _quoted(target), "schema": target.schema, "ours": ddl.OURS}
    cursor.execute(_VIEWS, names)
    drops = [("VIEW {}", name) for (name,) in cursor.fetchall()]
    cursor.execute(_FUNCTIONS, names)
    drops += [("FUNCTION {}", name) for (name,) in cursor.fetchall()]
    try:
        for what, name in (*drops, ("TABLE {}", target.name)):
            cursor.execute(sql.SQL(f"DROP {what}").format(sql.Identifier(target.schema, name)))
    except errors.DependentObjectsStillExist as error:
        raise RefusedError(
            f"it has to be made anew, as its columns have other types now, and something else stands on it: {describe(error)}: "
            "drop that, start again, and make it again"
        ) from error
    _forget(cursor, target)


def _replace_key(cursor: Cursor, target: Target) -> None:
    """Give the table another key and keep it, so that views of others stay; it is emptied, as its rows may not fit the key."""
    log.warning("%s has another key than before: it is emptied and filled again", target.name)
    cursor.execute(sql.SQL("DELETE FROM {}").format(ddl.table_of(target)))
    cursor.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'", (_quoted(target),)
    )
    for (name,) in cursor.fetchall():
        line = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(ddl.table_of(target), sql.Identifier(name))
        cursor.execute(line)
    for name in _names(cursor, _INDEXES, target, True):
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(target.schema, name)))
    for field in target.columns:
        free = sql.SQL("ALTER TABLE {} ALTER {} DROP NOT NULL")
        cursor.execute(free.format(ddl.table_of(target), ddl.identifiers([field.name])))
    _run(cursor, ddl.create_key(target))
    _forget(cursor, target)


def _forget(cursor: Cursor, target: Target) -> None:
    """Forget that anything of the table was published, so that it is filled again."""
    schema = sql.Identifier(target.schema)
    for line in (
        "DELETE FROM {}.published_tables WHERE table_name = %s",
        "DELETE FROM {}.repeated_events WHERE subject = %s",
    ):
        cursor.execute(sql.SQL(line).format(schema), (target.name,))


def _ensure_checks(cursor: Cursor, target: Target) -> None:
    cursor.execute(_CHECKS, (_quoted(target),))
    existing = dict(cursor.fetchall())
    wanted = {ddl.check_name(check): check for check in target.checks}
    for name, condition in list(existing.items()):
        if name not in wanted or wanted[name].sql != condition:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            cursor.execute(drop.format(ddl.table_of(target), sql.Identifier(name)))
            del existing[name]
    _run(
        cursor,
        [line for name, check in wanted.items() if name not in existing for line in ddl.add_check(target, check)],
    )


def _ensure_indexes(cursor: Cursor, target: Target) -> None:
    """Create the indexes that are missing; not IF NOT EXISTS, as that would wait for whoever writes the table."""
    existing = _names(cursor, _INDEXES, target, False)
    _run(cursor, [line for name, line in ddl.create_indexes(target) if name not in existing])


def _names(cursor: Cursor, query: str, target: Target, unique: bool) -> list[str]:
    cursor.execute(query, (_quoted(target), unique))
    return [name for (name,) in cursor.fetchall()]


def _quoted(target: Target) -> str:
    return qualified(target.schema, target.name)
