"""One transaction that brings one table in Postgres from the version that it shows to a newer one of the lake.

The version is committed with the rows: whichever side is killed, at whatever moment, either all of it is there or nothing, and
the next attempt starts from what is there. Done twice, the second time finds its version and does nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg2 import sql

from spark_jobs.publish import upsert
from spark_jobs.publish.csv_rows import keys_only, whole_rows
from spark_jobs.storage.deletion_vectors import DeletionVectorError
from spark_jobs.storage.delta_log import committed_at
from spark_jobs.storage.difference import TableVersion, only_in, snapshot_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor
    from psycopg2.sql import Composable

    from spark_jobs.publish.target import Target
    from spark_jobs.storage.snapshot import Snapshot

#: From this many staged rows on the staging table is analyzed, so that the planner knows its size.
MANY_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Published:
    """What a transaction did: rows inserted or updated, rows deleted, and if the whole table was compared."""

    written: int
    deleted: int
    whole: bool


def publish_version(
    connection: Connection, target: Target, now: Snapshot, known: Snapshot | None = None
) -> Published | None:
    """Bring the table to the version ``now``; None where it is there already.

    ``known``: a snapshot that may be the one that Postgres shows, which saves reading the log.
    Only what changed since the version that Postgres shows is read and sent; where that can no longer be told (none is
    there, the table is another one, or the old version was vacuumed) the whole table is sent, and compared there.
    FileNotFoundError where ``now`` itself has been vacuumed: try again with a newer one.
    """
    try:
        return _publish(connection, target, now, known, whole=False)
    except (FileNotFoundError, DeletionVectorError):  # mostly of the old version, of which files were vacuumed away
        return _publish(connection, target, now, None, whole=True)


def _publish(
    connection: Connection, target: Target, now: Snapshot, known: Snapshot | None, *, whole: bool
) -> Published | None:
    with connection, connection.cursor() as cursor:
        position = _lock_position(cursor, target)
        if position == TableVersion(now.metadata["id"], now.version):
            return None
        before = None if whole else _snapshot_before(target, position, now, known)
        cursor.execute(upsert.create_stage(target))
        cursor.execute(upsert.create_old_keys(target))
        written, deleted = _send(cursor, target, now, before)
        _record_version(cursor, target, now, written, deleted)
    return Published(written, deleted, before is None)


def _lock_position(cursor: Cursor, target: Target) -> TableVersion | None:
    """Return the version that Postgres shows, locked until the end of the transaction: two publishers take turns."""
    query = "SELECT lake_table_id, version FROM {} WHERE lake_table = %s FOR UPDATE"
    cursor.execute(_positions_sql(target, query), (target.table.name,))
    row = cursor.fetchone()
    if row is None:
        raise LookupError(f"{target.table.name} is not among the published tables")
    return TableVersion(*row) if row[0] is not None else None


def _snapshot_before(
    target: Target, position: TableVersion | None, now: Snapshot, known: Snapshot | None
) -> Snapshot | None:
    """Return the version that Postgres shows, or None where what changed since cannot be told from it."""
    if position is None or position.id != now.metadata["id"] or position.version > now.version:
        return None
    if known is not None and TableVersion(known.metadata["id"], known.version) == position:
        return known
    try:
        before = snapshot_at(target.table, position.version)
    except FileNotFoundError:
        return None
    return before if before is not None and before.metadata["id"] == position.id else None


def _send(cursor: Cursor, target: Target, now: Snapshot, before: Snapshot | None) -> tuple[int, int]:
    """Copy what differs between the versions, and merge it; the numbers of rows written and deleted."""
    new, old = _without_common_files(now, before)
    staged = _copy(
        cursor, upsert.copy_rows(target), (part for piece in only_in(new, old) for part in whole_rows(target, piece))
    )
    if old is not None:
        _copy(
            cursor,
            upsert.copy_old_keys(target),
            (part for piece in only_in(old, new) for part in keys_only(target, piece)),
        )
    if staged > MANY_ROWS:
        cursor.execute(upsert.analyze(target))
    merge = _merge_events if target.events else _merge_rows
    return merge(cursor, target, whole=old is None)


def _without_common_files(now: Snapshot, before: Snapshot | None) -> tuple[Snapshot, Snapshot | None]:
    """Return both versions without the files that are the same in both, which of a long-lived table are nearly all."""
    if before is None:
        return now, None
    same = {path for path, add in now.files.items() if before.files.get(path) == add}
    return _without(now, same), _without(before, same)


def _without(snapshot: Snapshot, paths: set[str]) -> Snapshot:
    return replace(snapshot, files={path: add for path, add in snapshot.files.items() if path not in paths})


def _copy(cursor: Cursor, statement: Composable, parts: Iterable[bytes]) -> int:
    """COPY a part at a time, and return the number of rows."""
    rows = 0
    for part in parts:
        cursor.copy_expert(statement, io.BytesIO(part))
        rows += cursor.rowcount
    return rows


def _merge_rows(cursor: Cursor, target: Target, *, whole: bool) -> tuple[int, int]:
    deleted = _run(cursor, upsert.delete_unstaged(target) if whole else upsert.delete_old(target))
    return _run(cursor, upsert.upsert(target)), deleted


def _merge_events(cursor: Cursor, target: Target, *, whole: bool) -> tuple[int, int]:
    """Merge events by row, as their identifier may come again; the second one of an identifier goes to ``repeated_events``."""
    deleted = _run(cursor, upsert.delete_unstaged(target) if whole else upsert.delete_old(target))
    deleted += _run(cursor, upsert.delete_unstaged_repeated(target) if whole else upsert.delete_old_repeated(target))
    changed = _run(cursor, upsert.delete_changed_events(target))
    written = _run(cursor, upsert.insert_events(target)) + _run(cursor, upsert.keep_repeated(target))
    if deleted or changed:
        _run(cursor, upsert.promote_repeated(target))
    _run(cursor, upsert.delete_promoted(target))
    return written, deleted


def _run(cursor: Cursor, statement: Composable) -> int:
    cursor.execute(statement)
    return cursor.rowcount


def _record_version(cursor: Cursor, target: Target, now: Snapshot, written: int, deleted: int) -> None:
    """Write the version that Postgres shows once this transaction is committed."""
    statement = (
        "UPDATE {} SET lake_table_id = %s, version = %s, rows_written = rows_written + %s, "
        "rows_deleted = rows_deleted + %s, published_at = clock_timestamp(), lake_committed_at = %s WHERE lake_table = %s"
    )
    cursor.execute(
        _positions_sql(target, statement),
        (now.metadata["id"], now.version, written, deleted, committed_at(now.path, now.version), target.table.name),
    )


def _positions_sql(target: Target, text: str) -> Composable:
    return sql.SQL(text).format(sql.Identifier(target.schema, "published_tables"))
