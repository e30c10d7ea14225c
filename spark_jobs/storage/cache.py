"""What a process keeps of tables and their files, so that no log and no footer is read twice.

One :class:`StorageCache` a process, made with the Spark session, or by the first who asks for it where there is no session. It is
shared by all threads: the callbacks of streaming queries run on threads of their own. Spark's workers never need what is in it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    from spark_jobs.storage.snapshot import Snapshot
    from spark_jobs.storage.sorted_keys import SortedKeys

Value = TypeVar("Value")
#: What tells a table from another one made at the same place; None where there is none.
TableIdentity = tuple[int, int] | None

#: Tables that are kept open, by handle and by snapshot: those of some hundred subjects.
OPEN_TABLES = 1_024
FOOTER_BYTES = 64 * 1024 * 1024
KEY_BYTES = 192 * 1024 * 1024
#: Failed attempts whose parts a later sweep still looks for.
FAILED_ATTEMPTS = 256
#: Parts known to be on disk.
SYNCED_PARTS = 100_000


class Bounded(Generic[Value]):
    """Values by name up to a total size, in bytes or in number; the least recently used make room. Safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._values

    def get(self, name: str) -> Value | None:
        """Return the value of this name; None where there is none, or no more."""
        with self._lock:
            if name not in self._values:
                return None
            self._values.move_to_end(name)
            return self._values[name][0]

    def put(self, name: str, value: Value, size: int = 1) -> None:
        """Keep a value of that size in place of the one before."""
        with self._lock:
            self._drop(name)
            self._values[name] = (value, size)
            self._size += size
            while self._size > self._limit:
                self._drop(next(iter(self._values)))

    def drop(self, name: str) -> None:
        """Forget the value of this name, if there is one."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if name in self._values:
            self._size -= self._values.pop(name)[1]


class StorageCache:
    """What one process knows of the tables that it has read and written. Dropping any of it costs time, never a row.

    ``handles`` and ``snapshots``: open tables by path, each with the identity it was opened by; at most ``OPEN_TABLES`` each.
    ``footers``: of Parquet files by path, up to ``footer_bytes``. ``key_columns``: of Parquet files, by path and column, up to
    ``key_bytes``; files never change, so neither do these. ``failed_attempts``: the names of the last attempts that failed, as a
    worker may finish a part after it was swept; ``unswept``: why folders are not swept yet. ``synced_parts``: paths of parts
    brought to disk already, as a second time costs the disk a flush each. ``lock`` is held while a table is opened, made or
    appended to: a handle serves one thread at a time.
    """

    def __init__(self, *, footer_bytes: int = FOOTER_BYTES, key_bytes: int = KEY_BYTES) -> None:
        self.lock = threading.RLock()
        self.handles: Bounded[tuple[DeltaTable, TableIdentity]] = Bounded(OPEN_TABLES)
        self.snapshots: Bounded[tuple[Snapshot, TableIdentity]] = Bounded(OPEN_TABLES)
        self.footers: Bounded[pq.FileMetaData] = Bounded(footer_bytes)
        self.key_columns: Bounded[pa.Array | SortedKeys] = Bounded(key_bytes)
        self.failed_attempts: deque[str] = deque(maxlen=FAILED_ATTEMPTS)
        self.unswept: list[str] = []
        self.synced_parts: Bounded[None] = Bounded(SYNCED_PARTS)


_current: StorageCache | None = None
_making = threading.Lock()


def storage_cache() -> StorageCache:
    """Return this process's cache; it is made where there is none yet."""
    global _current
    with _making:
        if _current is None:
            _current = StorageCache()
        return _current


def use_storage_cache(cache: StorageCache) -> None:
    """Take this cache from now on, as a new process begins with an empty one."""
    global _current
    with _making:
        _current = cache
