"""Checkpoints in a log's folder: which is newest, and what it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.storage.snapshot import Action, DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

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


def newest_checkpoint(names: Iterable[str], upto: int | None = None) -> tuple[int, list[str]]:
    """Return the version of the newest whole checkpoint, not after ``upto``, and its files' names; -1 and none without one."""
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


def read_checkpoint(path: Path) -> list[Action]:
    """Return the actions that one file of a checkpoint holds. Raises DeltaLogError where it is empty or cut off."""
    columns = [f"{kind}.{field}" for kind, fields in _KINDS.items() for field in fields]
    try:
        with pq.ParquetFile(path) as checkpoint:
            rows = checkpoint.read(columns=columns).to_pylist()
    except pa.ArrowInvalid as error:
        raise DeltaLogError(
            f"{path} is empty or cut off ({error}), as a power cut can leave it: move it and {path.parent / '_last_checkpoint'} "
            "away where the log's entries go back to the first, and restore it from a backup where they do not"
        ) from None
    return [{kind: _without_nulls(row[kind])} for row in rows for kind in row if row[kind] is not None]


def _without_nulls(struct: Mapping[str, Any]) -> Action:
    """Return a checkpoint's struct as an entry spells it: maps as objects, nulls left out."""
    plain = {}
    for name, value in struct.items():
        if name in _MAPS:
            plain[name] = dict(value) if value is not None else None
        else:
            plain[name] = _without_nulls(value) if isinstance(value, dict) else value
    return {name: value for name, value in plain.items() if value is not None}
