"""An attempt at a batch: on disk before anything names it, and swept away where it fails.

The names of all parts of an attempt begin alike, also of those that workers write. So whoever was killed or ran out of room in
the middle, its parts are found, and a batch that is tried again for days, on a full disk, leaves no growing pile. No table
names such parts, nor a ledger: an attempt's name is made up anew each time.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.storage.durable import sync_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table

log = logging.getLogger("tallylake.attempt")

MARK_LENGTH = 16
_mark: ContextVar[str] = ContextVar("mark", default="")
#: Attempts that failed in this process: a worker may have finished a part after it was swept, so the next sweep looks again.
_failed: deque[str] = deque(maxlen=256)
_left: list[str] = []
#: Parts that this process has brought to disk already: a second time costs the disk a flush each.
_on_disk: set[Path] = set()
REMEMBERED = 100_000


class UnseenError(TallyError):
    """What a worker wrote or read is not the same for the driver: they do not share storage."""


def new_name() -> str:
    """What tells a new part from all others: 32 digits, the first those of the attempt that it belongs to."""
    return f"{_mark.get()}{uuid.uuid4().hex}"[: len(uuid.uuid4().hex)]


def current_mark() -> str:
    """The attempt under way, to be handed to a worker; empty where there is none."""
    return _mark.get()


@contextmanager
def bearing(mark: str) -> Iterator[None]:
    """A worker's share of an attempt."""
    before = _mark.set(mark)
    try:
        yield
    finally:
        _mark.reset(before)


@contextmanager
def attempt(tables: Iterable[Table]) -> Iterator[None]:
    """Where what is done within fails, the parts that it wrote to the tables are removed, wherever they were written."""
    mark = uuid.uuid4().hex[:MARK_LENGTH]
    folders = {Path(table.path) for table in tables}
    with bearing(mark):
        try:
            yield
        except BaseException:
            _failed.append(mark)
            _sweep(folders)
            raise
    if _left:
        _sweep(folders)


def bring_to_disk(parts: Iterable[Part], tables: Iterable[Table]) -> None:
    """Bring parts and the names of their folders to disk in one pass. UnseenError where the driver finds one missing or cut."""
    roots = {table.name: Path(table.path) for table in tables}
    places = {roots[part.table] / part.path: part for part in parts}
    files = [path for path in places if path not in _on_disk]
    for path in files:
        _require_whole(path, places[path])
    folders = {folder for path in files for folder in _folders(path, roots[places[path].table])}
    sync_all([*files, *folders])
    if len(_on_disk) > REMEMBERED:
        _on_disk.clear()
    _on_disk.update(files)


def _folders(path: Path, root: Path) -> Iterator[Path]:
    """The part's folder and those above it, up to the table's."""
    yield from (folder for folder in path.parents if folder == root or root in folder.parents)


def _require_whole(path: Path, part: Part) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = -1
    if size != part.size:
        found = "is not there" if size < 0 else f"has {size} bytes instead of {part.size}"
        raise UnseenError(
            f"{part.table}: {path} was written, but for the driver it {found}: LAKE_ROOT must be storage that the driver "
            "and all workers share; the batch is tried again"
        )


def _sweep(folders: Iterable[Path]) -> None:
    """Remove the parts of failed attempts. What cannot be removed now, for want of file handles, is with the next attempt."""
    removed = room = 0
    _left.clear()
    for folder in folders:
        try:
            for path in _parts_within(folder):
                if path.name[len("part-") :][:MARK_LENGTH] in _failed:
                    room += path.stat().st_size
                    path.unlink()
                    removed += 1
        except OSError as error:
            _left.append(str(error))
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
