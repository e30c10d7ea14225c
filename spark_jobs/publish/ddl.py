"""The SQL that makes a published table, its view and its function. Names are quoted, values are parameters or a contract's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from psycopg2 import sql

from spark_jobs.publish.names import column_name, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.sql import Composable

    from spark_jobs.publish.checks import Check
    from spark_jobs.publish.target import Entity, Target

#: How the comment of everything begins that publishing has made; what has no such comment is someone else's.
OURS = "Tallylake: "
_SIMPLE = {
    pa.string(): "text",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.float64(): "double precision",
}


def type_name(type_: pa.DataType) -> str:
    """Return the Postgres type of a lake's column, as ``format_type`` spells it; a nested type becomes jsonb."""
    if pa.types.is_decimal(type_):
        return f"numeric({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "timestamp with time zone"
    return "jsonb" if pa.types.is_nested(type_) else _SIMPLE[type_]


def table_comment(target: Target) -> str:
    """Return the table's comment, which names its key: a table with another comment was made for another key."""
    shows = "bronze/*" if target.subject is not None else target.table.name
    hashed = f", of which {', '.join(target.hashed)} by SHA-256" if target.hashed else ""
    return f"{OURS}{shows}, by {', '.join(target.key)}{hashed}"


def table_of(target: Target) -> Composable:
    """Return the table's name with its schema."""
    return sql.Identifier(target.schema, target.name)


def create_table(target: Target) -> Iterator[Composable]:
    """Create the table with its key."""
    columns = sql.SQL(", ").join(_column(target, field) for field in target.columns)
    yield sql.SQL("CREATE TABLE {} ({})").format(table_of(target), columns)
    yield from create_key(target)


def create_key(target: Target) -> Iterator[Composable]:
    """Make the key unique, and comment the table. A key that may be too long for an index entry is unique by its SHA-256."""
    table = table_of(target)
    for field in target.columns:
        if _is_key(target, field):
            yield sql.SQL("ALTER TABLE {} ALTER {} SET NOT NULL").format(table, identifiers([field.name]))
    if target.hashed:
        yield sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(table, conflict_target(target))
    else:
        yield sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, identifiers(target.key))
    if target.events:
        yield sql.SQL("CREATE UNIQUE INDEX ON {} (row_id)").format(table)
    yield sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(table_comment(target)))


def _is_key(target: Target, field: pa.Field) -> bool:
    return field.name in target.key or (target.events and field.name == "row_id")


def _column(target: Target, field: pa.Field) -> Composable:
    null = sql.SQL(" NOT NULL") if _is_key(target, field) else sql.SQL("")
    return sql.SQL("{} {}{}").format(identifiers([field.name]), sql.SQL(type_name(field.type)), null)


def add_column(target: Target, field: pa.Field) -> Composable:
    """Add a column that the table lacks; rows that are there have null, as in the lake."""
    return sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(table_of(target), _column(target, field))


def add_check(target: Target, check: Check) -> Iterator[Composable]:
    """Add a constraint, with its condition as its comment, by which a changed one is known."""
    table, name = table_of(target), sql.Identifier(check_name(check))
    yield sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})").format(table, name, sql.SQL(check.sql))
    yield sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(name, table, sql.Literal(check.sql))


def check_name(check: Check) -> str:
    """Return the constraint's name."""
    return shortened(f"tally_{check.column}_{check.kind}")


def create_indexes(target: Target) -> Iterator[tuple[str, Composable]]:
    """Create the indexes that the API's queries use: pairs of name and statement. One over jsonb is for containment (``@>``)."""
    for columns in target.indexes:
        name = shortened(f"{target.name}_{'_'.join(columns)}_idx")
        method = sql.SQL("({})").format(identifiers(columns))
        if any(pa.types.is_nested(target.columns.field(column).type) for column in columns):
            method = sql.SQL("USING gin ({} jsonb_path_ops)").format(identifiers(columns))
        create = sql.SQL("CREATE INDEX {} ON {} {}").format(sql.Identifier(name), table_of(target), method)
        yield name, create


def entity_view(entity: Entity) -> Composable:
    """Create the view ``v_<subject>``: rows that are not deleted, and only the contract's columns."""
    view, table = (sql.Identifier(entity.schema, name) for name in (view_name(entity), entity.table))
    shown = sql.SQL(", ").join(map(sql.Identifier, entity.columns))
    return sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} WHERE NOT _deleted").format(view, shown, table)


def view_name(entity: Entity) -> str:
    """Return the name of an entity's view."""
    return f"v_{entity.table}"


def as_of_function(entity: Entity) -> Composable | None:
    """Create the function ``<subject>_as_of(moment)``: each key's version at that moment. None without history.

    Postgres inlines it, so that a query by key uses the index.
    """
    if entity.history is None:
        return None
    name, history = (sql.Identifier(entity.schema, name) for name in (function_name(entity), entity.history))
    return sql.SQL(  # by number: a column that is called as the parameter would be meant instead
        "CREATE OR REPLACE FUNCTION {}(moment timestamptz) RETURNS SETOF {} LANGUAGE sql STABLE AS "
        "$$ SELECT * FROM {} WHERE valid_from <= $1 "
        "AND ($1 < valid_to OR (is_current AND $1 >= timestamptz '9999-12-31 00:00:00Z')) $$"
    ).format(name, history, history)


def function_name(entity: Entity) -> str:
    """Return the name of the function over an entity's history."""
    return f"{entity.table}_as_of"


def conflict_target(target: Target) -> Composable:
    """Return the key as its unique index has it."""
    return sql.SQL(", ").join([compared(target, identifiers([name]), name) for name in target.key])


def compared(target: Target, column: Composable, name: str) -> Composable:
    """Return what is indexed and compared of a key column: itself, or the SHA-256 of its bytes.

    No index can have ``convert_to``, which is not immutable. A cast is, and gives a text's bytes once backslashes are doubled.
    """
    digest = r"sha256(replace({}, E'\\', E'\\\\')::bytea)"
    return sql.SQL(digest if name in target.hashed else "{}").format(column)


def identifiers(names: Sequence[str]) -> Composable:
    """Return columns of the lake by their names in Postgres, quoted, with commas between."""
    return sql.SQL(", ").join(sql.Identifier(column_name(name)) for name in names)
