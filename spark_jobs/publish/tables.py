"""Published tables brought to the form that their targets have. What others have made is never changed, and never goes too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish import ddl
from spark_jobs.publish.found import relation
from spark_jobs.publish.names import column_name
from spark_jobs.publish.refusals import RefusedError, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import cursor as Cursor

    from spark_jobs.publish.targets import Target

log = logging.getLogger("tallylake.publish")

#: Views and functions of ours that stand on a table: they are made again after it.
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


def have_table(cursor: Cursor, target: Target) -> None:
    """Create the table, or add what it lacks; RefusedError where its name is taken, or what others built is in the way.

    Postgres only shows the lake: a table of another shape is made anew, and filled again from the lake.
    """
    found = relation(cursor, target.schema, target.name)
    if found is not None and _has_another_shape(target, found.columns):
        _drop(cursor, target)
        found = None
    if found is None:
        run(cursor, ddl.create_table(target))
    else:
        run(cursor, [ddl.add_column(target, f) for f in target.columns if column_name(f.name) not in found.columns])
        if found.comment != ddl.table_comment(target):
            _have_key(cursor, target)
    _have_checks(cursor, target)
    _have_indexes(cursor, target)


def run(cursor: Cursor, statements: Iterable[sql.Composable]) -> None:
    """One after the other."""
    for statement in statements:
        cursor.execute(statement)


def _has_another_shape(target: Target, have: dict[str, str]) -> bool:
    wanted = {column_name(field.name): ddl.type_name(field.type) for field in target.columns}
    return any(have.get(name, type_) != type_ for name, type_ in wanted.items())


def _drop(cursor: Cursor, target: Target) -> None:
    """Drop the table with those views and functions on it that are ours; RefusedError names what others have on it."""
    log.warning(
        "%s has another shape than %s now has: it is made anew and filled again", target.name, target.table.name
    )
    asked = {"table": _quoted(target), "schema": target.schema, "ours": ddl.OURS}
    cursor.execute(_VIEWS, asked)
    drops = [("VIEW {}", name) for (name,) in cursor.fetchall()]
    cursor.execute(_FUNCTIONS, asked)
    drops += [("FUNCTION {}", name) for (name,) in cursor.fetchall()]
    try:
        for what, name in (*drops, ("TABLE {}", target.name)):
            cursor.execute(sql.SQL(f"DROP {what}").format(sql.Identifier(target.schema, name)))
    except errors.DependentObjectsStillExist as error:
        raise RefusedError(
            f"it has to be made anew, as its columns have other types now, and something else stands on it: {sentence(error)}: "
            "drop that, start again, and make it again"
        ) from error
    _forget(cursor, target)


def _have_key(cursor: Cursor, target: Target) -> None:
    """Another key, in the same table, so that views of others stay; it is emptied, as the rows that are there may not fit."""
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
    run(cursor, ddl.create_key(target))
    _forget(cursor, target)


def _forget(cursor: Cursor, target: Target) -> None:
    """That anything of the table was published."""
    schema = sql.Identifier(target.schema)
    for line in (
        "DELETE FROM {}.published_tables WHERE table_name = %s",
        "DELETE FROM {}.repeated_events WHERE subject = %s",
    ):
        cursor.execute(sql.SQL(line).format(schema), (target.name,))


def _have_checks(cursor: Cursor, target: Target) -> None:
    cursor.execute(_CHECKS, (_quoted(target),))
    have = dict(cursor.fetchall())
    wanted = {ddl.check_name(check): check for check in target.checks}
    for name, condition in have.items():
        if name not in wanted or wanted[name].sql != condition:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            cursor.execute(drop.format(ddl.table_of(target), sql.Identifier(name)))
            have = {other: sql_ for other, sql_ in have.items() if other != name}
    run(cursor, [line for name, check in wanted.items() if name not in have for line in ddl.add_check(target, check)])


def _have_indexes(cursor: Cursor, target: Target) -> None:
    """Those that are there are not asked for again, as that would wait for whoever writes the table."""
    have = _names(cursor, _INDEXES, target, False)
    run(cursor, [line for name, line in ddl.create_indexes(target) if name not in have])


def _names(cursor: Cursor, query: str, target: Target, unique: bool) -> list[str]:
    cursor.execute(query, (_quoted(target), unique))
    return [name for (name,) in cursor.fetchall()]


def _quoted(target: Target) -> str:
    return f'"{target.schema}"."{target.name}"'
