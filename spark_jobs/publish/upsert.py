"""The SQL that brings a published table from what it shows to what the lake has. Names are quoted; values come by COPY alone.

``stage`` holds rows as they are to be, ``gone`` the keys of rows that were there before. Both are temporary tables of the
session, empty again after each transaction. Every statement done twice changes nothing the second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from spark_jobs.publish.ddl import compared, conflict_target, identifiers
from spark_jobs.publish.names import column_name
from spark_jobs.publish.targets import REPEATED

if TYPE_CHECKING:
    from psycopg2.sql import Composable

    from spark_jobs.publish.targets import Target


def create_stage(target: Target) -> Composable:
    """The temporary table for rows of the target."""
    return _sql(target, "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS")


def create_gone(target: Target) -> Composable:
    """The temporary table for keys of rows that were there before."""
    text = (
        "CREATE TEMPORARY TABLE IF NOT EXISTS {gone} ON COMMIT DELETE ROWS AS SELECT {apart} FROM {table} WHERE false"
    )
    return _sql(target, text)


def copy_rows(target: Target) -> Composable:
    """COPY of whole rows into the stage."""
    return _sql(target, "COPY {stage} ({columns}) FROM STDIN (FORMAT csv)")


def copy_gone(target: Target) -> Composable:
    """COPY of keys."""
    return _sql(target, "COPY {gone} ({apart}) FROM STDIN (FORMAT csv)")


def analyze(target: Target) -> Composable:
    """Tell the planner how much is staged."""
    return _sql(target, "ANALYZE {stage}")


def delete_gone(target: Target) -> Composable:
    """Rows that were there before and are not staged again."""
    text = "DELETE FROM {table} t USING {gone} g WHERE {t_is_g} AND NOT EXISTS (SELECT FROM {stage} s WHERE {s_is_g})"
    return _sql(target, text)


def delete_others(target: Target) -> Composable:
    """All rows of the target that are not staged, where the stage holds the whole of it."""
    return _sql(target, "DELETE FROM {table} t WHERE {within} AND NOT EXISTS (SELECT FROM {stage} s WHERE {t_is_s})")


def upsert(target: Target) -> Composable:
    """Staged rows by their key; those that are there as they should be are left alone."""
    text = (
        "INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM {stage} ON CONFLICT ({key}) DO UPDATE "
        "SET ({columns}) = ROW({excluded}) WHERE ({of_t}) IS DISTINCT FROM ({excluded})"
    )
    return _sql(target, text)


def delete_changed_events(target: Target) -> Composable:
    """Events that are staged as something else, so that inserting them is all that is left to do."""
    return _sql(target, "DELETE FROM {table} t USING {stage} s WHERE {t_is_s} AND ({of_t}) IS DISTINCT FROM ({of_s})")


def insert_events(target: Target) -> Composable:
    """Events whose identifier is free; which of several comes first depends on them alone, not on their order in files."""
    return _sql(
        target,
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ORDER BY {key}, {apart} ON CONFLICT DO NOTHING",
    )


def keep_repeated(target: Target) -> Composable:
    """Staged events whose identifier another one has."""
    text = (
        "INSERT INTO {repeated} AS r (subject, row_id, payload) SELECT {name}, s.row_id, to_jsonb(s.*) FROM {stage} s "
        "WHERE NOT EXISTS (SELECT FROM {table} t WHERE {t_is_s}) "
        "ON CONFLICT (subject, row_id) DO UPDATE SET payload = excluded.payload WHERE r.payload <> excluded.payload"
    )
    return _sql(target, text)


def delete_gone_repeated(target: Target) -> Composable:
    """Repeated events that were there before and are not staged again."""
    text = (
        "DELETE FROM {repeated} r USING {gone} g WHERE r.subject = {name} AND r.row_id = g.row_id "
        "AND NOT EXISTS (SELECT FROM {stage} s WHERE s.row_id = g.row_id)"
    )
    return _sql(target, text)


def delete_other_repeated(target: Target) -> Composable:
    """Repeated events that are not staged, where the stage holds the whole of the target."""
    text = (
        "DELETE FROM {repeated} r WHERE r.subject = {name} "
        "AND NOT EXISTS (SELECT FROM {stage} s WHERE s.row_id = r.row_id)"
    )
    return _sql(target, text)


def promote_repeated(target: Target) -> Composable:
    """Repeated events whose identifier has become free."""
    text = (
        "INSERT INTO {table} ({columns}) SELECT {of_p} FROM {repeated} r, "
        "jsonb_populate_record(NULL::{table}, r.payload) p WHERE r.subject = {name} "
        "ORDER BY r.row_id ON CONFLICT DO NOTHING"
    )
    return _sql(target, text)


def delete_promoted(target: Target) -> Composable:
    """Repeated events that now are in the table itself."""
    text = "DELETE FROM {repeated} r USING {table} t WHERE r.subject = {name} AND t.row_id = r.row_id"
    return _sql(target, text)


def _sql(target: Target, text: str) -> Composable:
    names, apart = target.columns.names, target.told_apart_by
    return sql.SQL(text).format(
        table=sql.Identifier(target.schema, target.name),
        stage=sql.Identifier("pg_temp", f"stage_{target.name}"),
        gone=sql.Identifier("pg_temp", f"gone_{target.name}"),
        repeated=sql.Identifier(target.schema, REPEATED),
        name=sql.Literal(target.name),
        columns=identifiers(names),
        apart=identifiers(apart),
        key=conflict_target(target),
        excluded=_of("excluded", names),
        of_t=_of("t", names),
        of_s=_of("s", names),
        of_p=_of("p", names),
        t_is_g=_same(target, "t", "g"),
        s_is_g=_same(target, "s", "g"),
        t_is_s=_same(target, "t", "s"),
        within=_within(target),
    )


def _of(alias: str, names: list[str]) -> Composable:
    return sql.SQL(", ").join(sql.Identifier(alias, column_name(name)) for name in names)


def _same(target: Target, one: str, other: str) -> Composable:
    """The condition that two rows are the same row; by their SHA-256 where the key's index has it so."""
    parts = []
    for name in target.told_apart_by:
        sides = [compared(target, _of(alias, [name]), name) for alias in (one, other)]
        parts.append(sql.SQL(" = ").join(sides))
    return sql.SQL(" AND ").join(parts)


def _within(target: Target) -> Composable:
    """Which rows of the table are the target's."""
    return sql.SQL("true") if target.subject is None else sql.SQL("t.subject = {}").format(sql.Literal(target.subject))
