"""The Delta log of tables with deletion vectors, which delta-rs reads but does not write.

A snapshot is what the newest checkpoint and the entries after it add up to. An entry is made by linking a finished file to
the name of its version: that succeeds for one writer, whatever others do, and is done or not done whenever it is killed.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.errors import TallyError
from spark_jobs.storage.durable import make_folder, sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Action = dict[str, Any]

DELETION_VECTORS = "deletionVectors"
#: What Spark's CREATE TABLE gives a table with deletion vectors.
WRITER_FEATURES = (DELETION_VECTORS, "invariants", "appendOnly")
PROTOCOL = {
    "minReaderVersion": 3,
    "minWriterVersion": 7,
    "readerFeatures": [DELETION_VECTORS],
    "writerFeatures": list(WRITER_FEATURES),
}
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.(\d{10}))?\.parquet")
_KINDS = {
    "add": ("path", "partitionValues", "size", "modificationTime", "dataChange", "stats", "tags", "deletionVector"),
    "txn": ("appId", "version"),
    "metaData": (
        "id",
        "name",
        "description",
        "format",
        "schemaString",
        "partitionColumns",
        "configuration",
        "createdTime",
    ),
    "protocol": ("minReaderVersion", "minWriterVersion", "readerFeatures", "writerFeatures"),
}
_MAPS = {"partitionValues", "tags", "configuration", "options"}


class DeltaLogError(TallyError):
    """A table's log cannot be followed, or asks for what this writer cannot do."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table at one version: its live files (add actions by path), its writers' last versions, metadata and protocol."""

    path: str
    version: int
    files: Mapping[str, Action]
    writers: Mapping[str, int]
    metadata: Action
    protocol: Action

    @property
    def configuration(self) -> Mapping[str, str]:
        """The table's properties."""
        return self.metadata.get("configuration") or {}

    def has(self, writer: str, version: int) -> bool:
        """Whether ``writer`` has committed ``version``, or a later one."""
        return self.writers.get(writer, -1) >= version

    def require(self, *, to_write: bool) -> None:
        """Raise DeltaLogError where the table asks for more than is done here, such as a constraint that must be checked."""
        features = set(self.protocol.get("readerFeatures") or ())
        if to_write:
            features |= set(self.protocol.get("writerFeatures") or ())
        beyond = sorted(features - set(WRITER_FEATURES))
        if to_write and 2 < self.protocol.get("minWriterVersion", 0) < 7:
            beyond.append(f"writer version {self.protocol['minWriterVersion']}")
        if to_write and self.configuration.get("delta.appendOnly") == "true":
            beyond.append("delta.appendOnly")
        if beyond:
            raise DeltaLogError(
                f"{self.path} has {', '.join(beyond)}, which cannot be kept here; drop that from the table"
            )

    @property
    def takes_vectors(self) -> bool:
        """Whether rows may be deleted by vectors; otherwise their files are written again without them."""
        allowed = DELETION_VECTORS in (self.protocol.get("writerFeatures") or ())
        return allowed and self.configuration.get("delta.enableDeletionVectors") == "true"


def read_log(path: str, upto: int | None = None) -> Snapshot | None:
    """The table as it stands now, or as it stood at version ``upto``. None where there is none.

    Of an older version, None also where it can no longer be put together: entries after its checkpoint were cleaned away.
    """
    folder = _folder(path)
    try:
        names = os.listdir(folder)  # noqa: PTH208  a log can hold 100,000 names, of which none is needed as a Path
    except FileNotFoundError:
        return None
    if upto is not None:
        then = _followed(_from_checkpoint(path, names, upto), upto)
        return then if then.version == upto >= 0 else None
    found = catch_up(_from_checkpoint(path, names))
    if found.version < 0 and any(name.endswith((".json", ".parquet")) for name in names):
        raise DeltaLogError(f"{path}: its log has neither a first entry nor a checkpoint that can be read")
    return found if found.version >= 0 else None


def catch_up(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the entries that have come since. The one given stays as it is."""
    found = _followed(snapshot)
    if found.version > snapshot.version or not _behind(snapshot):
        return found
    return read_log(snapshot.path) or snapshot


def _followed(snapshot: Snapshot, upto: int | None = None) -> Snapshot:
    """The snapshot with the entries after it, as far as there are any without a gap, and no further than ``upto``."""
    folder = _folder(snapshot.path)
    actions: list[list[Action]] = []
    with suppress(FileNotFoundError):
        while upto is None or snapshot.version + len(actions) < upto:
            actions.append(_read_entry(folder / entry_name(snapshot.version + len(actions) + 1)))
    return _applied(snapshot, actions) if actions else snapshot


def _read_entry(path: Path) -> list[Action]:
    """What an entry says. An empty one says nothing only where it was never brought to disk."""
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
    """Make the actions the table's entry of that version; False where another writer was first.

    The finished file lies in the table's own folder first, where VACUUM would find it after a kill.
    """
    folder = _folder(path)
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
    """The newest checkpoint that is whole and not of a version after ``upto``, or the emptiness before the first entry."""
    version, pieces = newest_checkpoint(names, upto)
    actions = [action for name in pieces for action in _checkpointed(_folder(path) / name)]
    return replace(_applied(Snapshot(path, -1, {}, {}, {}, {}), [actions]), version=version)


def newest_checkpoint(names: Iterable[str], upto: int | None = None) -> tuple[int, list[str]]:
    """The version of the newest checkpoint of which every piece is there (not after ``upto``), and their names; -1 and none."""
    pieces: dict[tuple[int, int], list[str]] = {}
    for name in names:
        if match := _CHECKPOINT.fullmatch(name):
            pieces.setdefault((int(match[1]), int(match[2] or 1)), []).append(name)
    whole = [
        version
        for version, found in pieces.items()
        if len(found) == version[1] and (upto is None or version[0] <= upto)
    ]
    newest = max(whole, default=(-1, 0))
    return newest[0], pieces.get(newest, [])


def _checkpointed(path: Path) -> list[Action]:
    columns = [f"{kind}.{field}" for kind, fields in _KINDS.items() for field in fields]
    try:
        with pq.ParquetFile(path) as checkpoint:
            rows = checkpoint.read(columns=columns).to_pylist()
    except pa.ArrowInvalid as error:
        raise DeltaLogError(
            f"{path} is empty or cut off ({error}), as a power cut can leave it: move it and {path.parent / '_last_checkpoint'} "
            "away where the log's entries go back to the first, and restore it from a backup where they do not"
        ) from None
    return [{kind: _plain(row[kind])} for row in rows for kind in row if row[kind] is not None]


def _plain(struct: Mapping[str, Any]) -> Action:
    """A checkpoint's struct as an entry would spell it: maps as objects, what is not there not named."""
    plain = {}
    for name, value in struct.items():
        if name in _MAPS:
            plain[name] = dict(value) if value is not None else None
        else:
            plain[name] = _plain(value) if isinstance(value, dict) else value
    return {name: value for name, value in plain.items() if value is not None}


def _behind(snapshot: Snapshot) -> bool:
    """Whether entries that this snapshot lacks have been cleaned away, as a checkpoint holds them."""
    with suppress(FileNotFoundError, ValueError):
        plain = json.loads((_folder(snapshot.path) / "_last_checkpoint").read_text(encoding="utf-8"))
        return bool(plain["version"] > snapshot.version)
    return False


def _folder(path: str) -> Path:
    return Path(path) / "_delta_log"


def entry_name(version: int) -> str:
    """The name of a version's entry in the log's folder."""
    return f"{version:020}.json"
