"""Open tables by their paths: delta-rs handles and snapshots, kept so that no log is read twice."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from spark_jobs.storage.delta_log import catch_up, entry_name, read_log
from spark_jobs.storage.integrity import check_log
from spark_jobs.storage.snapshot import DeltaLogError, Snapshot

_Identity = tuple[int, int] | None

_open_tables: dict[str, tuple[DeltaTable, _Identity]] = {}

_snapshots: dict[str, tuple[Snapshot, _Identity]] = {}

guard = threading.RLock()


def open_table(path: str) -> DeltaTable | None:
    """The table as it stands now, or None where there is none. Handles are kept, as reading a log twice is waste."""
    with guard:
        birth = _table_identity(path)
        known, known_birth = _open_tables.get(path, (None, None))
        if known is not None and birth is not None and birth == known_birth:
            known.update_incremental()
            return known
        _open_tables.pop(path, None)
        check_log(path)
        try:
            table = DeltaTable(path)
        except TableNotFoundError:
            if birth is not None and any((Path(path) / "_delta_log").glob("*.json")):
                raise DeltaLogError(f"{path} has a log that cannot be read now; nothing is taken for missing") from None
            return None
        except DeltaError as error:
            raise DeltaLogError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        _open_tables[path] = (table, birth)
        return table


def open_snapshot(path: str) -> Snapshot | None:
    """The log of a table with a key as it stands now, or None where there is none; kept as :func:`open_table` keeps handles."""
    with guard:
        birth = _table_identity(path)
        known, known_birth = _snapshots.pop(path, (None, None))
        same = known is not None and birth is not None and birth == known_birth
        if known is not None and same:
            snapshot: Snapshot | None = catch_up(known)
        else:
            check_log(path)
            snapshot = read_log(path)
        if snapshot is not None:
            _snapshots[path] = (snapshot, birth)
        return snapshot


def _table_identity(path: str) -> _Identity:
    """What tells a table from another one made at the same place: its first log entry, or its log once that is gone."""
    log = Path(path) / "_delta_log"
    for first in (log / entry_name(0), log):
        with suppress(FileNotFoundError):
            stat = first.stat()
            return (stat.st_ino, stat.st_mtime_ns if first != log else 0)
    return None
