"""Replace rows by key: one commit deletes the rows of some keys and adds the parts, at most once.

Rows of a large file are deleted by a deletion vector; a small file, or one that is fragmented, is written again without them. Small
files that have become many are written together in the same commit, so the number of files stays bounded without an OPTIMIZE.

Killed anywhere before the log entry is linked, nothing is visible: what was written is named by no one. Where another writer
was first (an OPTIMIZE, a user's DELETE), everything is planned anew from the table as that writer left it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.storage.actions import commit_info, txn_action
from spark_jobs.storage.checkpoint import checkpoint_if_due
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.delta_log import entry_name, log_folder, put_if_absent
from spark_jobs.storage.files import sync, sync_all
from spark_jobs.storage.key_set import KeySet
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.live_files import LiveFile, read_live
from spark_jobs.storage.open_tables import open_snapshot
from spark_jobs.storage.parts_on_disk import sync_parts
from spark_jobs.storage.replace_change import Change, plan_change
from spark_jobs.storage.retries import retry_commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.snapshot import Action, Snapshot
    from spark_jobs.storage.table import Table


def replace_once(
    table: Table, parts: Sequence[Part], *, deleted_keys: pa.Array | None = None, writer: str, version: int
) -> bool:
    """In one commit, remove every live row whose key is one of the parts' or of ``deleted_keys``, and add the parts.

    Keys are those of ``table.key_columns``; ``deleted_keys`` as ``keys.key_array`` makes them. Done twice, the second call
    sees the writer's version in the log and does nothing; ``writer`` as for ``append.append_once``. Returns whether a commit
    was made; no parts and no deleted keys, no commit. Raises DeltaLogError where the table asks for what cannot be kept here, or
    where other writers keep being first.
    """
    if not parts and (deleted_keys is None or not len(deleted_keys)):
        return False
    wanted = _replaced_keys(table, parts, deleted_keys)
    return retry_commit(table.name, lambda: _replace(table, parts, wanted, writer, version))


def _replace(table: Table, parts: Sequence[Part], wanted: KeySet, writer: str, version: int) -> bool | None:
    """Return whether a commit was made; None where another writer was first. Then the files written for it are gone again."""
    snapshot = _open_wide_enough(table)
    if snapshot.has(writer, version):
        sync(log_folder(table.path))  # whoever linked the entry may have been killed before this
        return False
    snapshot.require(to_write=True)
    change, entry = Change(), log_folder(table.path) / entry_name(snapshot.version + 1)
    try:
        plan_change(change, table, snapshot, wanted, parts)
        _sync(table, parts, change)
        made = put_if_absent(table.path, snapshot.version + 1, _entry(table, snapshot, change, writer, version))
    except BaseException:
        if not entry.exists():  # else it may name the files, and only bringing its name to disk failed
            change.discard()
        raise
    if not made:
        change.discard()
        return None
    checkpoint_if_due(table.path, snapshot.version + 1, snapshot.configuration)
    return True


def _open_wide_enough(table: Table) -> Snapshot:
    """Open the table, made or given the columns that it lacks. Only then is delta-rs asked, as it lists the log."""
    snapshot = open_snapshot(table.path)
    if snapshot is None or not set(table.schema).issubset(snapshot.schema):
        ensure_table(table)
        snapshot = open_snapshot(table.path)
        assert snapshot is not None
    return snapshot


def _replaced_keys(table: Table, parts: Sequence[Part], deleted_keys: pa.Array | None) -> KeySet:
    """Return the keys whose rows go: those of the parts, read back from their files, and the deleted ones."""
    schema = pa.schema([table.schema.field(name) for name in table.key_columns])
    type_ = schema.field(0).type if len(schema) == 1 else pa.string()
    keys = [pa.array([], type_) if deleted_keys is None or not len(deleted_keys) else deleted_keys.cast(type_)]
    for part in parts:
        file = LiveFile(Path(table.path), part.path, part.partition)
        keys += [key_array(rows, table.key_columns) for rows in read_live(file, schema)]
    return KeySet.of(pa.concat_arrays(keys), table.schema, table.key_columns)


def _sync(table: Table, parts: Sequence[Part], change: Change) -> None:
    """Bring the files that the entry will name to disk: an entry that outlives them would lose rows that were there before."""
    sync_parts(parts, [table])
    sync_all([*change.written, *(path.parent for path in change.written), Path(table.path)])


def _entry(table: Table, snapshot: Snapshot, change: Change, writer: str, version: int) -> Iterable[Action]:
    info = commit_info("MERGE", {"matchedBy": json.dumps(table.key_columns)}, **change.metrics)
    info["commitInfo"]["readVersion"] = snapshot.version
    yield info
    yield txn_action(writer, version)
    yield from change.removed
    yield from change.added
