"""Tables opened by path, as they stand now. What was opened stays in the storage cache, as reading a log twice is waste."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.delta_log import catch_up, entry_name, log_folder, read_log
from spark_jobs.storage.integrity import check_log
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from spark_jobs.storage.cache import TableIdentity
    from spark_jobs.storage.snapshot import Snapshot


def open_table(path: str) -> DeltaTable | None:
    """Return delta-rs' handle of the table as it stands now; None where there is none.

    Raises DeltaLogError where there is a log that cannot be read.
    """
    cache = storage_cache()
    with cache.lock:
        identity = _table_identity(path)
        handle, opened_as = cache.handles.get(path) or (None, None)
        if handle is not None and identity is not None and identity == opened_as:
            handle.update_incremental()
            return handle
        cache.handles.drop(path)
        opened = _open(path, is_there=identity is not None)
        if opened is not None:
            cache.handles.put(path, (opened, identity))
        return opened


def open_table_at(path: str, version: int) -> DeltaTable:
    """Return delta-rs' handle of the table as it stood at a version; DeltaError where that cannot be read any more."""
    return DeltaTable(path, version=version)


def _open(path: str, *, is_there: bool) -> DeltaTable | None:
    check_log(path)
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        if is_there and any(log_folder(path).glob("*.json")):
            raise DeltaLogError(f"{path} has a log that cannot be read now; nothing is taken for missing") from None
        return None
    except DeltaError as error:
        raise DeltaLogError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def open_snapshot(path: str) -> Snapshot | None:
    """Return the table's log as it stands now; None where there is no table. For tables with deletion vectors."""
    cache = storage_cache()
    with cache.lock:
        identity = _table_identity(path)
        known, read_as = cache.snapshots.get(path) or (None, None)
        cache.snapshots.drop(path)
        snapshot: Snapshot | None
        if known is not None and identity is not None and identity == read_as:
            snapshot = catch_up(known)
        else:
            check_log(path)
            snapshot = read_log(path)
        if snapshot is not None:
            cache.snapshots.put(path, (snapshot, identity))
        return snapshot


def _table_identity(path: str) -> TableIdentity:
    """Return what tells a table from another one made at the same place: its first log entry, or its log once that is gone."""
    log = log_folder(path)
    for first in (log / entry_name(0), log):
        with suppress(FileNotFoundError):
            stat = first.stat()
            return (stat.st_ino, stat.st_mtime_ns if first != log else 0)
    return None
