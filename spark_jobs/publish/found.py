"""What is in the database under a name, and whether publishing has made it: its comment says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.publish.ddl import OURS
from spark_jobs.publish.refusals import RefusedError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

#: What pg_class calls them.
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
class Found:
    """A table or view of ours: its comment, and a table's columns with their types."""

    comment: str
    columns: dict[str, str]


def relation(cursor: Cursor, schema: str, name: str, kind: str = "r") -> Found | None:
    """What has that name; None where nothing has. RefusedError where it is someone else's, or of another kind."""
    cursor.execute(_RELATION, (name, schema))
    row = cursor.fetchone()
    if row is None:
        return None
    if row[0] != kind or not row[1].startswith(OURS):
        raise not_ours(schema, name, KINDS.get(row[0], "relation"))
    cursor.execute(_COLUMNS, (f'"{schema}"."{name}"',))
    return Found(row[1], dict(cursor.fetchall()))


def function(cursor: Cursor, schema: str, name: str) -> Found | None:
    """The function of that name; None where there is none. RefusedError where one is someone else's."""
    cursor.execute(_FUNCTIONS, (name, schema))
    comments = [comment for (comment,) in cursor.fetchall()]
    if not all(comment.startswith(OURS) for comment in comments):
        raise not_ours(schema, name, "function")
    return Found(comments[0], {}) if comments else None


def not_ours(schema: str, name: str, kind: str) -> RefusedError:
    """That a name is taken."""
    return RefusedError(
        f"the {kind} {schema}.{name} was not made by Tallylake and is left alone: "
        "rename it, or have POSTGRES_SCHEMA name another schema"
    )
