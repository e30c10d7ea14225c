"""Append parts to a table in one commit, at most once.

Tables are read through delta-rs: on a small batch Spark's own Delta writer costs 0.2 to 1 s a commit, nearly all of it
planning and state reconstruction, where this costs milliseconds (docs/decisions/0002). Entries are written through ``delta_log``,
which has them on disk before they have a name. The table stays plain Delta for every reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction

from spark_jobs.storage.actions import append_actions, can_append
from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.checkpoint import checkpoint_if_due
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.delta_log import entry_name, log_folder, put_if_absent
from spark_jobs.storage.files import sync, sync_all
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.parts_on_disk import sync_parts
from spark_jobs.storage.retries import ATTEMPTS, retry_commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


def append_once(table: Table, parts: Sequence[Part], *, writer: str, version: int) -> bool:
    """Make the parts visible in one commit, unless ``writer`` has already committed ``version`` to this table.

    Done twice, the second call sees the writer's version in the table's log and does nothing. ``writer`` must carry the
    checkpoint's id: versions start over with a new checkpoint, and a lower one would be taken for done.
    Returns whether a commit was made; no parts, no commit.
    """
    if not parts:
        return False
    with storage_cache().lock:
        return retry_commit(table.name, lambda: _append(table, parts, Transaction(writer, version)))


def _append(table: Table, parts: Sequence[Part], transaction: Transaction) -> bool | None:
    """Return whether a commit was made; None where another writer was first."""
    found = ensure_table(table)
    if _last_committed(found, transaction.app_id) >= transaction.version:
        sync(log_folder(table.path))  # whoever linked the entry may have been killed before this
        return False
    sync_parts(parts, [table])  # once the writer is known not to have: what it has may be vacuumed by now
    before = found.version()
    made = _put_entry(found, table, parts, transaction)
    found.update_incremental()
    if not made:
        return None
    checkpoint_if_due(table.path, before + 1, found.metadata().configuration)
    return True


def _put_entry(found: DeltaTable, table: Table, parts: Sequence[Part], transaction: Transaction) -> bool:
    """Write the entry that names the parts, on disk before it has its name. Return False where another writer was first.

    delta-rs forces nothing to disk. It writes the entry where the table asks for more than is done here.
    """
    if not can_append(found):
        _put_entry_by_delta_rs(found, table, parts, transaction)
        return True
    entry = append_actions(parts, table.partition_by, transaction.app_id, transaction.version)
    return put_if_absent(table.path, found.version() + 1, entry)


def _put_entry_by_delta_rs(found: DeltaTable, table: Table, parts: Sequence[Part], transaction: Transaction) -> None:
    found.create_write_transaction(
        _adds(parts),
        mode="append",
        schema=found.schema(),
        partition_by=list(table.partition_by),
        commit_properties=CommitProperties(app_transactions=[transaction], max_commit_retries=ATTEMPTS),
    )
    found.update_incremental()
    folder = log_folder(table.path)
    sync_all([folder / entry_name(found.version()), folder])


def is_committed(table: Table, *, writer: str, version: int) -> bool:
    """True if ``writer`` has committed ``version``, or a later one, to this table."""
    return last_committed(table, writer=writer) >= version


def last_committed(table: Table, *, writer: str) -> int:
    """Return the last version that ``writer`` has committed to this table; -1 where there is none."""
    found = open_table(table.path)
    return -1 if found is None else _last_committed(found, writer)


def _last_committed(found: DeltaTable, writer: str) -> int:
    version = found.transaction_version(writer)
    return -1 if version is None else version


def _adds(parts: Iterable[Part]) -> list[AddAction | RemoveAction]:
    return [
        AddAction(
            path=part.path,
            size=part.size,
            partition_values=part.partition,
            modification_time=part.modified_ms,
            data_change=True,
            stats=part.stats,
        )
        for part in parts
    ]
