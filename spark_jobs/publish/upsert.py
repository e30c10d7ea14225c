"""The SQL that brings a published table from what it shows to what the lake has. Names are quoted; values come by COPY alone.

``stage_…`` holds rows as they are to be, ``gone_…`` the keys of rows that the old version had: its old keys. Both are temporary
tables of the session, empty again after each transaction. A statement that is run twice changes nothing the second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from spark_jobs.publish.ddl import compared, conflict_target, identifiers
from spark_jobs.publish.names import column_name
from spark_jobs.publish.target import REPEATED_EVENTS

if TYPE_CHECKING:
    from psycopg2.sql import Composable

    from spark_jobs.publish.target import Target


def create_stage(target: Target) -> Composable:
    """Create the temporary table for rows of the target."""
    return _sql(target, "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS")


def create_old_keys(target: Target) -> Composable:
    """Create the temporary table for the keys of rows that the old version had."""
    text = (
        "CREATE TEMPORARY TABLE IF NOT EXISTS {old} ON COMMIT DELETE ROWS AS SELECT {identity} FROM {table} WHERE false"
    )
    return _sql(target, text)


def copy_rows(target: Target) -> Composable:
    """Copy whole rows into the stage."""
    return _sql(target, "COPY {stage} ({columns}) FROM STDIN (FORMAT csv)")


def copy_old_keys(target: Target) -> Composable:
    """Copy the keys of rows that the old version had."""
    return _sql(target, "COPY {old} ({identity}) FROM STDIN (FORMAT csv)")


def analyze(target: Target) -> Composable:
    """Let the planner know how much is staged."""
    return _sql(target, "ANALYZE {stage}")


def delete_old(target: Target) -> Composable:
    """Delete rows that the old version had and that are not staged again."""
    text = "DELETE FROM {table} t USING {old} g WHERE {t_is_g} AND NOT EXISTS (SELECT FROM {stage} s WHERE {s_is_g})"
    return _sql(target, text)


def delete_unstaged(target: Target) -> Composable:
    """Delete all rows of the target that are not staged, where the stage holds the whole of it."""
    return _sql(target, "DELETE FROM {table} t WHERE {within} AND NOT EXISTS (SELECT FROM {stage} s WHERE {t_is_s})")


def upsert(target: Target) -> Composable:
    """Insert or update staged rows by their key; rows that are equal already are left alone."""
    text = (
        "INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM {stage} ON CONFLICT ({key}) DO UPDATE "
        "SET ({columns}) = ROW({excluded}) WHERE ({of_t}) IS DISTINCT FROM ({excluded})"
    )
    return _sql(target, text)


def delete_changed_events(target: Target) -> Composable:
    """Delete events that are staged with other values, so that inserting them is all that is left to do."""
    return _sql(target, "DELETE FROM {table} t USING {stage} s WHERE {t_is_s} AND ({of_t}) IS DISTINCT FROM ({of_s})")


def insert_events(target: Target) -> Composable:
    """Insert events whose identifier is free; which of several comes first depends on them alone, not on their order in files."""
    return _sql(
        target,
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ORDER BY {key}, {identity} ON CONFLICT DO NOTHING",
    )


def keep_repeated(target: Target) -> Composable:
    """Keep staged events whose identifier another one has in ``repeated_events``."""
    text = (
        "INSERT INTO {repeated} AS r (subject, row_id, payload) SELECT {name}, s.row_id, to_jsonb(s.*) FROM {stage} s "
        "WHERE NOT EXISTS (SELECT FROM {table} t WHERE {t_is_s}) "
        "ON CONFLICT (subject, row_id) DO UPDATE SET payload = excluded.payload WHERE r.payload <> excluded.payload"
    )
    return _sql(target, text)


def delete_old_repeated(target: Target) -> Composable:
    """Delete repeated events that the old version had and that are not staged again."""
    text = (
        "DELETE FROM {repeated} r USING {old} g WHERE r.subject = {name} AND r.row_id = g.row_id "
        "AND NOT EXISTS (SELECT FROM {stage} s WHERE s.row_id = g.row_id)"
    )
    return _sql(target, text)


def delete_unstaged_repeated(target: Target) -> Composable:
    """Delete repeated events that are not staged, where the stage holds the whole of the target."""
    text = (
        "DELETE FROM {repeated} r WHERE r.subject = {name} "
        "AND NOT EXISTS (SELECT FROM {stage} s WHERE s.row_id = r.row_id)"
    )
    return _sql(target, text)


def promote_repeated(target: Target) -> Composable:
    """Insert repeated events whose identifier has become free into the table."""
    text = (
        "INSERT INTO {table} ({columns}) SELECT {of_p} FROM {repeated} r, "
        "jsonb_populate_record(NULL::{table}, r.payload) p WHERE r.subject = {name} "
        "ORDER BY r.row_id ON CONFLICT DO NOTHING"
    )
    return _sql(target, text)


def delete_promoted(target: Target) -> Composable:
    """Delete repeated events that are in the table by now."""
    text = "DELETE FROM {repeated} r USING {table} t WHERE r.subject = {name} AND t.row_id = r.row_id"
    return _sql(target, text)


def _sql(target: Target, text: str) -> Composable:
    names, identity = target.columns.names, target.row_identity
    return sql.SQL(text).format(
        table=sql.Identifier(target.schema, target.name),
        stage=sql.Identifier("pg_temp", f"stage_{target.name}"),
        old=sql.Identifier("pg_temp", f"gone_{target.name}"),
        repeated=sql.Identifier(target.schema, REPEATED_EVENTS),
        name=sql.Literal(target.name),
        columns=identifiers(names),
        identity=identifiers(identity),
        key=conflict_target(target),
        excluded=_columns("excluded", names),
        of_t=_columns("t", names),
        of_s=_columns("s", names),
        of_p=_columns("p", names),
        t_is_g=_same(target, "t", "g"),
        s_is_g=_same(target, "s", "g"),
        t_is_s=_same(target, "t", "s"),
        within=_within(target),
    )


def _columns(alias: str, names: list[str]) -> Composable:
    return sql.SQL(", ").join(sql.Identifier(alias, column_name(name)) for name in names)


def _same(target: Target, one: str, other: str) -> Composable:
    """Return the condition that two rows are the same row; by their SHA-256 where the key's index has it so."""
    parts = []
    for name in target.row_identity:
        sides = [compared(target, _columns(alias, [name]), name) for alias in (one, other)]
        parts.append(sql.SQL(" = ").join(sides))
    return sql.SQL(" AND ").join(parts)


def _within(target: Target) -> Composable:
    """Return the condition that a row of the table is the target's."""
    return sql.SQL("true") if target.subject is None else sql.SQL("t.subject = {}").format(sql.Literal(target.subject))
