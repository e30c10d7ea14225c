"""Looks names up in Postgres' catalog, and tells what publishing made from what others did: by its comment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.publish.ddl import OURS
from spark_jobs.publish.errors import RefusedError
from spark_jobs.publish.names import qualified

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

#: The kinds of relation by their letter in pg_class.
KINDS = {"r": "table", "v": "view"}
_RELATION = (
    "SELECT relkind, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class "
    "WHERE relname = %s AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)"
)
_COLUMNS = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s) "
    "AND attnum > 0 AND NOT attisdropped"
)
_FUNCTIONS = (
    "SELECT coalesce(obj_description(oid, 'pg_proc'), '') FROM pg_proc "
    "WHERE proname = %s AND pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)"
)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """Something that publishing made: its comment, and a table's or view's columns with their types."""

    comment: str
    columns: dict[str, str]


def find_relation(cursor: Cursor, schema: str, name: str, kind: str = "r") -> CatalogEntry | None:
    """Return the table (``r``) or view (``v``) of that name, None if there is none.

    RefusedError where someone else has made it, or it is of another kind.
    """
    cursor.execute(_RELATION, (name, schema))
    row = cursor.fetchone()
    if row is None:
        return None
    if row[0] != kind or not row[1].startswith(OURS):
        raise _not_ours(schema, name, KINDS.get(row[0], "relation"))
    cursor.execute(_COLUMNS, (qualified(schema, name),))
    return CatalogEntry(row[1], dict(cursor.fetchall()))


def find_function(cursor: Cursor, schema: str, name: str) -> CatalogEntry | None:
    """Return the function of that name, None if there is none; RefusedError where someone else has made one."""
    cursor.execute(_FUNCTIONS, (name, schema))
    comments = [comment for (comment,) in cursor.fetchall()]
    if not all(comment.startswith(OURS) for comment in comments):
        raise _not_ours(schema, name, "function")
    return CatalogEntry(comments[0], {}) if comments else None


def _not_ours(schema: str, name: str, kind: str) -> RefusedError:
    return RefusedError(
        f"the {kind} {schema}.{name} was not made by Tallylake and is left alone: "
        "rename it, or have POSTGRES_SCHEMA name another schema"
    )
