"""An attempt to write parts: if it fails, all its parts are removed, wherever they were written.

The names of all parts of an attempt begin alike, also of those that workers write. So whoever was killed or ran out of room in
the middle, its parts are found, and a batch that is tried again for days, on a full disk, leaves no growing pile. No table
names such parts, nor a journal: an attempt's name is made up anew each time.
"""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.storage.cache import storage_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spark_jobs.storage.table import Table

log = logging.getLogger("tallylake.attempt")

MARK_LENGTH = 16

#: The attempt that this thread, or this worker's task, is part of; empty outside of one.
_mark: ContextVar[str] = ContextVar("mark", default="")


def new_part_name() -> str:
    """Return a name that no other part has: 32 digits, the first 16 those of the attempt that it belongs to."""
    return f"{_mark.get()}{uuid.uuid4().hex}"[: len(uuid.uuid4().hex)]


def current_attempt() -> str:
    """Return the name of the attempt under way, to be handed to a worker; empty where there is none."""
    return _mark.get()


@contextmanager
def within_attempt(mark: str) -> Iterator[None]:
    """Do a worker's share of an attempt: parts are named after it."""
    before = _mark.set(mark)
    try:
        yield
    finally:
        _mark.reset(before)


@contextmanager
def attempt(tables: Iterable[Table]) -> Iterator[None]:
    """Remove the parts that the block wrote to the tables if it fails, wherever they were written, and let the error pass."""
    mark = uuid.uuid4().hex[:MARK_LENGTH]
    folders = {Path(table.path) for table in tables}
    with within_attempt(mark):
        try:
            yield
        except BaseException:
            storage_cache().failed_attempts.append(mark)
            _sweep(folders)
            raise
    if storage_cache().unswept:
        _sweep(folders)


def _sweep(folders: Iterable[Path]) -> None:
    """Remove the parts of failed attempts. Those that cannot be removed now, for want of file handles, go with the next attempt."""
    cache, removed, room = storage_cache(), 0, 0
    cache.unswept.clear()
    for folder in folders:
        try:
            for path in _parts_within(folder):
                if path.name[len("part-") :][:MARK_LENGTH] in cache.failed_attempts:
                    room += path.stat().st_size
                    path.unlink()
                    removed += 1
        except OSError as error:
            cache.unswept.append(str(error))
            log.warning("%s: what a failed attempt left there is not all removed yet: %s", folder, error)
    if removed:
        log.info("an attempt failed; its %d parts (%d bytes) are removed", removed, room)


def _parts_within(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name != "_delta_log"]
        yield from (Path(place, name) for name in names if name.startswith("part-") and name.endswith(".parquet"))
