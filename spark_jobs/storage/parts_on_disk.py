"""Parts brought to disk before anything names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.files import sync_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


class StorageNotSharedError(TallyError):
    """What a worker wrote or read is not the same for the driver: they do not share storage."""


def sync_parts(parts: Iterable[Part], tables: Iterable[Table]) -> None:
    """Bring parts and the names of their folders to disk in one pass.

    Raises StorageNotSharedError where the driver finds one missing or cut.
    """
    roots = {table.name: Path(table.path) for table in tables}
    places = {roots[part.table] / part.path: part for part in parts}
    synced = storage_cache().synced_parts
    files = [path for path in places if str(path) not in synced]
    for path in files:
        _require_whole(path, places[path])
    folders = {folder for path in files for folder in _folders(path, roots[places[path].table])}
    sync_all([*files, *folders])
    for path in files:
        synced.put(str(path), None)


def missing_parts(parts: Iterable[Part], table: Table) -> list[Part]:
    """Return those of the parts of a table that have no file."""
    return [part for part in parts if not (Path(table.path) / part.path).exists()]


def _folders(path: Path, root: Path) -> Iterator[Path]:
    """Return the part's folder and those above it, up to the table's."""
    yield from (folder for folder in path.parents if folder == root or root in folder.parents)


def _require_whole(path: Path, part: Part) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = -1
    if size != part.size:
        found = "is not there" if size < 0 else f"has {size} bytes instead of {part.size}"
        raise StorageNotSharedError(
            f"{part.table}: {path} was written, but for the driver it {found}: LAKE_ROOT must be storage that the driver "
            "and all workers share; the batch is tried again"
        )
