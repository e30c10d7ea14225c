"""Makes views, point-in-time functions and sums over the published tables where they are missing or their definition changed.

What has not changed is left alone, as making it again would wait for whoever reads it.
"""

from __future__ import annotations

import logging
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish import ddl
from spark_jobs.publish.catalog import find_function, find_relation
from spark_jobs.publish.errors import RefusedError, describe
from spark_jobs.publish.migrations import files
from spark_jobs.publish.names import qualified
from spark_jobs.publish.roles import grant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg2.extensions import cursor as Cursor

    from spark_jobs.publish.refusals import Refusals
    from spark_jobs.publish.target import Entity

log = logging.getLogger("tallylake.publish")

_NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)
_MAKES = re.compile(r"^CREATE (?:OR REPLACE )?(VIEW|TABLE|FUNCTION) (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
_RELATIONS = {"VIEW": "v", "TABLE": "r"}


def ensure_views(
    cursor: Cursor, schema: str, entities: Sequence[Entity], tables: Collection[str], refusals: Refusals
) -> list[str]:
    """Make all that can be made over those tables, and return the names of the views and sums that are there."""
    made = [name for entity in entities if (name := _ensure_entity(cursor, schema, entity, tables, refusals))]
    for _, name, text in files("R"):
        needs = _NEEDS.search(text)
        if set(needs[1].split(", ") if needs else ()) <= {*tables, *made}:
            with refusals.note(cursor, name):
                if _run_file(cursor, schema, name, text):
                    grant(cursor, schema, name, written=False)
                    made.append(name)
    return made


def _ensure_entity(
    cursor: Cursor, schema: str, entity: Entity, tables: Collection[str], refusals: Refusals
) -> str | None:
    """Make the view and the function of an entity whose tables are there; the name of the view, None where it was not made."""
    made = None
    if entity.table in tables:
        name = ddl.view_name(entity)
        with refusals.note(cursor, name):
            _ensure_view(cursor, schema, name, ddl.entity_view(entity), f"{entity.table} without tombstones")
            grant(cursor, schema, name, written=False)
            made = name
    if entity.history in tables:
        with refusals.note(cursor, ddl.function_name(entity)):
            _ensure_function(cursor, entity)
    return made


def _run_file(cursor: Cursor, schema: str, name: str, text: str) -> bool:
    """Make what a file defines; False, with a warning, for a view that needs a column which a contract lacks."""
    kinds = {defined: kind for kind, defined in _MAKES.findall(text)}
    if kinds == {name: "VIEW"}:
        try:
            _ensure_view(cursor, schema, name, sql.SQL(text), None)
        except errors.UndefinedColumn as error:
            cursor.execute("ROLLBACK TO SAVEPOINT one_thing")
            log.warning("there is no view %s, as its tables lack a column: %s", name, str(error).splitlines()[0])
            return False
        return True
    for defined, kind in kinds.items():
        if kind == "FUNCTION":
            find_function(cursor, schema, defined)
        else:
            find_relation(cursor, schema, defined, _RELATIONS[kind])
    cursor.execute(text)
    return True


def _ensure_view(cursor: Cursor, schema: str, name: str, definition: sql.Composable, described: str | None) -> None:
    """Make the view, or make it anew where its definition changed; RefusedError where others depend on columns that change."""
    existing, mark = find_relation(cursor, schema, name, "v"), _mark(cursor, definition)
    if existing is not None and existing.comment.endswith(mark):
        return
    _make(cursor, definition, "DROP VIEW {}", schema, name)
    if described is None:
        cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", (qualified(schema, name),))
        (described,) = cursor.fetchone() or ("",)
    _comment(cursor, "VIEW {}", schema, name, f"{ddl.OURS}{str(described).removeprefix(ddl.OURS)}{mark}")


def _make(cursor: Cursor, definition: sql.Composable, drop: str, schema: str, name: str) -> None:
    """Run the definition; one with other columns is dropped first, which is refused where others depend on it."""
    cursor.execute("SAVEPOINT a_view")
    try:
        cursor.execute(definition)
    except (errors.InvalidTableDefinition, errors.InvalidFunctionDefinition):
        cursor.execute("ROLLBACK TO SAVEPOINT a_view")
        _drop(cursor, drop, schema, name)
        cursor.execute(definition)


def _ensure_function(cursor: Cursor, entity: Entity) -> None:
    """Make the function, or make it anew where its definition changed."""
    name, definition = ddl.function_name(entity), ddl.as_of_function(entity)
    assert definition is not None
    existing, mark = find_function(cursor, entity.schema, name), _mark(cursor, definition)
    if existing is not None and existing.comment.endswith(mark):
        return
    _make(cursor, definition, "DROP FUNCTION {}", entity.schema, name)
    _comment(cursor, "FUNCTION {}", entity.schema, name, f"{ddl.OURS}{entity.history} at a moment{mark}")


def _drop(cursor: Cursor, statement: str, schema: str, name: str) -> None:
    try:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(schema, name)))
    except errors.DependentObjectsStillExist as error:
        raise RefusedError(
            f"it stays as it was, as its columns are others now and something else stands on it: {describe(error)}: "
            "drop that, start again, and make it again"
        ) from error


def _comment(cursor: Cursor, what: str, schema: str, name: str, text: str) -> None:
    line = sql.SQL(f"COMMENT ON {what} IS {{}}")
    cursor.execute(line.format(sql.Identifier(schema, name), sql.Literal(text)))


def _mark(cursor: Cursor, definition: sql.Composable) -> str:
    """Return a digest of the definition, which ends the comment of what it made: a changed one is known by it."""
    return f" [{sha256(definition.as_string(cursor).encode()).hexdigest()[:12]}]"
