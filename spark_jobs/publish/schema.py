"""Brings a database to the form that publishing needs: roles, a schema, migrations, a table for each target, views, grants.

Everything happens in one transaction, under one lock: two publishers that start at once take turns, and one that is killed has done
nothing. Done twice, the second time finds everything there. Nothing is touched that was not made here, and a table that is refused
keeps no other from being made.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from psycopg2 import sql

from spark_jobs.publish.catalog import find_relation
from spark_jobs.publish.errors import MigrationError, RefusedError
from spark_jobs.publish.migrations import files
from spark_jobs.publish.move_from_public import move_from_public
from spark_jobs.publish.refusals import Refusals
from spark_jobs.publish.roles import create_roles, create_schema, grant, grant_usage, set_search_path
from spark_jobs.publish.tables import ensure_table
from spark_jobs.publish.target import BOOKKEEPING, SCHEMA, Target
from spark_jobs.publish.targets import entities, name_clashes, targets
from spark_jobs.publish.views import ensure_views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from schema_registry.subject import Registry
    from spark_jobs.lake import Lake

log = logging.getLogger("tallylake.publish")

#: The number of the advisory lock, which no one else is likely to use: the first eight bytes of the SHA-256 of "tallylake".
LOCK = int.from_bytes(sha256(b"tallylake").digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be published, and what Postgres refused: reasons by a table's name in the lake or a view's in Postgres."""

    targets: tuple[Target, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Target]:
        return iter(self.targets)


def prepare_database(
    connection: Connection,
    registry: Registry,
    lake: Lake,
    *,
    schema: str = SCHEMA,
    raw_events: bool = True,
    login_roles: bool = True,
) -> Prepared:
    """Make everything in the database that publishing needs and that is missing, and return what is to be published.

    ``connection`` belongs to the owner of the tables. ``login_roles``: whether the writer and the reader may log in by
    themselves, as they do in the embedded server. MigrationError where nothing at all can be published.
    """
    subjects = [registry.subject(name) for name in sorted(registry.subjects)]
    wanted = targets(lake, subjects, raw_events=raw_events, schema=schema)
    refusals = Refusals(name_clashes(wanted))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, true)", (f"{schema}, pg_temp",))
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        create_roles(cursor, login=login_roles)
        create_schema(cursor, schema)
        grant_usage(cursor, schema)
        set_search_path(cursor, schema)
        move_from_public(cursor, schema, wanted)
        _migrate(cursor, schema)
        made = _make_tables(cursor, wanted, refusals)
        ensure_views(cursor, schema, entities(lake, subjects, schema), {one.name for one in made}, refusals)
        _list_tables(cursor, made)
    return Prepared(wanted, refusals.reasons)


def _make_tables(cursor: Cursor, wanted: Sequence[Target], refusals: Refusals) -> list[Target]:
    """Make or update the tables, and return the targets whose table is as it should be."""
    free = [target for target in wanted if target.table.name not in refusals.reasons]
    for name in dict.fromkeys(target.name for target in free):
        shown = [target for target in free if target.name == name]
        with refusals.note(cursor, *[target.table.name for target in shown]):
            ensure_table(cursor, shown[0])
            grant(cursor, shown[0].schema, name, written=True)
    return [target for target in free if target.table.name not in refusals.reasons]


def _migrate(cursor: Cursor, schema: str) -> None:
    """Apply the versioned migrations that are new, in order. One that was applied and then edited is refused."""
    try:
        existing = [find_relation(cursor, schema, name) for name in BOOKKEEPING]
    except RefusedError as error:
        raise MigrationError(str(error)) from error
    if existing[0] is None:
        cursor.execute(
            "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
            "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    cursor.execute("SELECT version, checksum FROM schema_migrations")
    applied: Mapping[int, str] = dict(cursor.fetchall())
    ahead = max(applied, default=0) - max(version for version, _, _ in files("V"))
    if ahead > 0:
        raise MigrationError("the database was prepared by a newer Tallylake: use that one, or another database")
    for version, name, text in files("V"):
        _apply_migration(cursor, version, name, text, applied.get(version))
    for name in BOOKKEEPING:
        grant(cursor, schema, name, written=name != "schema_migrations")


def _apply_migration(cursor: Cursor, version: int, name: str, text: str, applied: str | None) -> None:
    checksum = sha256(text.encode()).hexdigest()
    if applied is None:
        cursor.execute(text)
        row = (version, name, checksum)
        cursor.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)", row)
    elif applied != checksum:
        raise MigrationError(
            f"migration V{version:03} {name} is not what was applied to this database: restore the file, "
            "and write a new migration for what is to change"
        )


def _list_tables(cursor: Cursor, made: Sequence[Target]) -> None:
    """Enter the tables in ``published_tables``, without a version where they are new."""
    for target in made:
        line = "INSERT INTO {} (lake_table, table_name) VALUES (%s, %s) ON CONFLICT (lake_table) DO NOTHING"
        positions = sql.Identifier(target.schema, "published_tables")
        cursor.execute(sql.SQL(line).format(positions), (target.table.name, target.name))
