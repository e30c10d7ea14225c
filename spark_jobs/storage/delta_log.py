"""Read and write a table's Delta log; delta-rs writes none for tables with deletion vectors.

A snapshot is the newest checkpoint with the entries after it applied. An entry is made by linking a finished file to the
name of its version: that succeeds for one writer only, and is done or not done whenever the writer is killed.
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.storage.checkpoint_files import newest_checkpoint, read_checkpoint
from spark_jobs.storage.files import make_folder, sync
from spark_jobs.storage.snapshot import Action, DeltaLogError, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def read_log(path: str, upto: int | None = None) -> Snapshot | None:
    """Read the table as it stands now, or as it stood at version ``upto``. None where there is none.

    None also for a version that can no longer be put together, as entries after its checkpoint were cleaned away.
    """
    folder = log_folder(path)
    try:
        names = os.listdir(folder)  # noqa: PTH208  a log can hold 100,000 names, of which none is needed as a Path
    except FileNotFoundError:
        return None
    if upto is not None:
        then = _with_later_entries(_from_checkpoint(path, names, upto), upto)
        return then if then.version == upto >= 0 else None
    found = catch_up(_from_checkpoint(path, names))
    if found.version < 0 and any(name.endswith((".json", ".parquet")) for name in names):
        raise DeltaLogError(f"{path}: its log has neither a first entry nor a checkpoint that can be read")
    return found if found.version >= 0 else None


def catch_up(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the entries that have come since. The one given stays as it is."""
    found = _with_later_entries(snapshot)
    if found.version > snapshot.version or not _is_outdated(snapshot):
        return found
    return read_log(snapshot.path) or snapshot


def _with_later_entries(snapshot: Snapshot, upto: int | None = None) -> Snapshot:
    """Return the snapshot with the entries after it, as far as they go without a gap, and no further than ``upto``."""
    most = max(0, upto - snapshot.version) if upto is not None else None
    entries = list(islice(entries_from(snapshot.path, snapshot.version + 1), most))
    return _applied(snapshot, entries) if entries else snapshot


def _read_entry(path: Path) -> list[Action]:
    """Read the actions of an entry. An empty or broken one raises DeltaLogError: it was not brought to disk."""
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    try:
        if not lines:
            raise ValueError("it is empty")
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise DeltaLogError(
            f"{path} is empty or cut off ({error}), as a power cut can leave it: restore it from a backup"
        ) from None


def put_if_absent(path: str, version: int, actions: Iterable[Action]) -> bool:
    """Write the actions as the table's entry of that version. Return False where another writer was first.

    The finished file lies in the table's own folder first, where VACUUM would find it after a kill.
    """
    folder = log_folder(path)
    make_folder(folder)
    finished = Path(path) / f"entry_{uuid.uuid4()}.tmp"
    try:
        with finished.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(action, separators=(",", ":"), ensure_ascii=False) + "\n" for action in actions)
            file.flush()
            os.fsync(file.fileno())
        os.link(finished, folder / entry_name(version))
    except FileExistsError:
        return False
    finally:
        finished.unlink(missing_ok=True)
    sync(folder)
    return True


def _applied(snapshot: Snapshot, entries: Sequence[Sequence[Action]]) -> Snapshot:
    files, writers = dict(snapshot.files), dict(snapshot.writers)
    metadata, protocol = snapshot.metadata, snapshot.protocol
    for actions in entries:
        for action in actions:
            if "remove" in action:  # whatever its vector: a path is live once, and an entry's adds are applied after
                files.pop(action["remove"]["path"], None)
        for action in actions:
            if "add" in action:
                files[action["add"]["path"]] = action["add"]
            elif "txn" in action:
                writers[action["txn"]["appId"]] = action["txn"]["version"]
            metadata = action.get("metaData", metadata)
            protocol = action.get("protocol", protocol)
    version = snapshot.version + len(entries)
    return replace(snapshot, version=version, files=files, writers=writers, metadata=metadata, protocol=protocol)


def _from_checkpoint(path: str, names: Iterable[str], upto: int | None = None) -> Snapshot:
    """Return the newest whole checkpoint, not after ``upto``; without one, an empty snapshot of version -1."""
    version, pieces = newest_checkpoint(names, upto)
    actions = [action for name in pieces for action in read_checkpoint(log_folder(path) / name)]
    return replace(_applied(Snapshot(path, -1, {}, {}, {}, {}), [actions]), version=version)


def _is_outdated(snapshot: Snapshot) -> bool:
    """True if entries that this snapshot lacks may have been cleaned away, as there is a checkpoint of a later version."""
    with suppress(FileNotFoundError, ValueError):
        plain = json.loads((log_folder(snapshot.path) / "_last_checkpoint").read_text(encoding="utf-8"))
        return bool(plain["version"] > snapshot.version)
    return False


def log_folder(path: str) -> Path:
    """Return the folder of a table's log."""
    return Path(path) / "_delta_log"


def entry_path(path: str, version: int) -> Path:
    """Return where a version's entry lies."""
    return log_folder(path) / entry_name(version)


def has_entry(path: str, version: int) -> bool:
    """True if the log still has the entry of a version: old ones are cleaned away after a checkpoint."""
    return entry_path(path, version).exists()


def entries_from(path: str, version: int) -> Iterator[list[Action]]:
    """Read the entries from a version on, one after the other, as far as there are any without a gap."""
    with suppress(FileNotFoundError):
        while True:
            yield _read_entry(entry_path(path, version))
            version += 1


def committed_at(path: str, version: int) -> datetime | None:
    """Return when a version's entry was written; None where it has been cleaned away."""
    try:
        return datetime.fromtimestamp(entry_path(path, version).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def tables_under(root: Path) -> list[str]:
    """Return the paths of the tables two folders below a root, as a lake has them, sorted."""
    return [str(log.parent) for log in sorted(root.glob("*/*/_delta_log"))]


def entry_name(version: int) -> str:
    """Return the name of a version's entry in the log's folder."""
    return f"{version:020}.json"
