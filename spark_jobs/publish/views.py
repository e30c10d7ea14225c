"""Views, point-in-time functions and sums over the published tables: made where they are missing or say something else.

What nothing has changed about is left alone, as making it again would wait for whoever reads it.
"""

from __future__ import annotations

import logging
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from psycopg2 import errors, sql

from spark_jobs.publish import ddl
from spark_jobs.publish.found import function, relation
from spark_jobs.publish.migrations import files
from spark_jobs.publish.refusals import RefusedError, sentence
from spark_jobs.publish.rights import grant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg2.extensions import cursor as Cursor

    from spark_jobs.publish.refusals import Refusals
    from spark_jobs.publish.targets import Entity

log = logging.getLogger("tallylake.publish")

_NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)
_MAKES = re.compile(r"^CREATE (?:OR REPLACE )?(VIEW|TABLE|FUNCTION) (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
_RELATIONS = {"VIEW": "v", "TABLE": "r"}


def make_views(
    cursor: Cursor, schema: str, entities: Sequence[Entity], tables: Collection[str], refusals: Refusals
) -> list[str]:
    """All that can be made over those tables; the names of what was."""
    made: list[str] = []
    for entity in entities:
        if entity.table in tables:
            name = ddl.view_name(entity)
            with refusals.one_by_one(cursor, name):
                _have_view(cursor, schema, name, ddl.entity_view(entity), f"{entity.table} without tombstones")
                grant(cursor, schema, name, written=False)
                made.append(name)
        if entity.history in tables:
            with refusals.one_by_one(cursor, ddl.function_name(entity)):
                _have_function(cursor, entity)
    for _, name, text in files("R"):
        needs = _NEEDS.search(text)
        if set(needs[1].split(", ") if needs else ()) <= {*tables, *made}:
            with refusals.one_by_one(cursor, name):
                if _have_file(cursor, schema, name, text):
                    grant(cursor, schema, name, written=False)
                    made.append(name)
    return made


def _have_file(cursor: Cursor, schema: str, name: str, text: str) -> bool:
    """Whether what a file makes could be made. A contract that lacks a column of a view costs that view, and is said."""
    kinds = {made: kind for kind, made in _MAKES.findall(text)}
    if kinds == {name: "VIEW"}:
        try:
            _have_view(cursor, schema, name, sql.SQL(text), None)
        except errors.UndefinedColumn as error:
            cursor.execute("ROLLBACK TO SAVEPOINT one_thing")
            log.warning("there is no view %s, as its tables lack a column: %s", name, str(error).splitlines()[0])
            return False
        return True
    for made, kind in kinds.items():
        if kind == "FUNCTION":
            function(cursor, schema, made)
        else:
            relation(cursor, schema, made, _RELATIONS[kind])
    cursor.execute(text)
    return True


def _have_view(cursor: Cursor, schema: str, name: str, definition: sql.Composable, described: str | None) -> None:
    """Make the view, or make it say what it now should; one that others stand on stays as it is where its columns changed."""
    found, mark = relation(cursor, schema, name, "v"), _mark(cursor, definition)
    if found is not None and found.comment.endswith(mark):
        return
    _make(cursor, definition, "DROP VIEW {}", schema, name)
    if described is None:
        cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", (f'"{schema}"."{name}"',))
        (described,) = cursor.fetchone() or ("",)
    _comment(cursor, "VIEW {}", schema, name, f"{ddl.OURS}{str(described).removeprefix(ddl.OURS)}{mark}")


def _make(cursor: Cursor, definition: sql.Composable, drop: str, schema: str, name: str) -> None:
    """Make it, or in the place of one with other columns: that one is dropped, which is refused where others stand on it."""
    cursor.execute("SAVEPOINT a_view")
    try:
        cursor.execute(definition)
    except (errors.InvalidTableDefinition, errors.InvalidFunctionDefinition):
        cursor.execute("ROLLBACK TO SAVEPOINT a_view")
        _drop(cursor, drop, schema, name)
        cursor.execute(definition)


def _have_function(cursor: Cursor, entity: Entity) -> None:
    """Make the function, as it should be by now."""
    name, definition = ddl.function_name(entity), ddl.as_of_function(entity)
    assert definition is not None
    found, mark = function(cursor, entity.schema, name), _mark(cursor, definition)
    if found is not None and found.comment.endswith(mark):
        return
    _make(cursor, definition, "DROP FUNCTION {}", entity.schema, name)
    _comment(cursor, "FUNCTION {}", entity.schema, name, f"{ddl.OURS}{entity.history} at a moment{mark}")


def _drop(cursor: Cursor, statement: str, schema: str, name: str) -> None:
    try:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(schema, name)))
    except errors.DependentObjectsStillExist as error:
        raise RefusedError(
            f"it stays as it was, as its columns are others now and something else stands on it: {sentence(error)}: "
            "drop that, start again, and make it again"
        ) from error


def _comment(cursor: Cursor, what: str, schema: str, name: str, text: str) -> None:
    line = sql.SQL(f"COMMENT ON {what} IS {{}}")
    cursor.execute(line.format(sql.Identifier(schema, name), sql.Literal(text)))


def _mark(cursor: Cursor, definition: sql.Composable) -> str:
    """What tells a definition from an earlier one, in the comment of what it made."""
    return f" [{sha256(definition.as_string(cursor).encode()).hexdigest()[:12]}]"
