"""What is broken on disk, and what the machine refuses, said in a sentence with the way out.

A power cut, a full disk or a restored backup can leave a file empty or cut off. Some readers of Delta take an empty log entry for
one that says nothing: the rows it named would be missing without a word. So a log is looked at before it is followed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_jobs.errors import TallyError
from spark_jobs.storage.delta_log import entry_name
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The newest entries of a log are looked at, and all after its checkpoint: what came before has long been on disk.
RECENT = 100
#: How many damaged files are looked for before it is said.
NAMED = 3

MAGIC = b"PAR1"
_ENTRY = re.compile(r"(\d{20})\.json")

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.[^.]+)*\.parquet")


class DamagedError(TallyError):
    """Files of the lake are not on disk as they were written."""


def check_log(path: str) -> None:
    """DeltaLogError where an entry or a checkpoint that readers go by is empty, cut off or missing. No log is sound."""
    folder = Path(path) / "_delta_log"
    try:
        names = os.listdir(folder)  # noqa: PTH208  a log can hold 100,000 names, of which few are needed as a Path
    except FileNotFoundError:
        return
    entries = sorted(int(match[1]) for name in names if (match := _ENTRY.fullmatch(name)))
    checkpoints = {name: int(match[1]) for name in names if (match := _CHECKPOINT.fullmatch(name))}
    if not entries and not checkpoints:
        return
    _check_checkpoints(folder, checkpoints)
    base = max(checkpoints.values(), default=-1)
    _check_no_gap(folder, entries, base)
    newest = set(entries[-RECENT:])
    for version in (version for version in entries if version > base or version in newest):
        if why := _broken_entry(folder / entry_name(version)):
            raise DeltaLogError(
                f"{folder / entry_name(version)} {why}, as a power cut can leave it: {_way_out(version, entries)}"
            )


def _way_out(version: int, entries: Sequence[int]) -> str:
    if version != entries[-1]:
        return "restore it from a backup; without one, `tally rebuild` makes again from Bronze what comes after it"
    return (
        "restore it from a backup; without one, move this newest entry away, start the stream, which commits what its ledger "
        "holds, and run `tally audit`, which names what is missing"
    )


def _check_checkpoints(folder: Path, checkpoints: dict[str, int]) -> None:
    """Of the newest checkpoint, readers take every file."""
    newest = max(checkpoints.values(), default=None)
    for name in (name for name, version in checkpoints.items() if version == newest):
        if why := broken_parquet(folder / name):
            raise DeltaLogError(
                f"{folder / name} {why}, as a power cut can leave it: move it and {folder / '_last_checkpoint'} away; "
                "the log's entries hold the same, or the next start names those that are missing"
            )


def _check_no_gap(folder: Path, entries: Sequence[int], base: int) -> None:
    after = [version for version in entries if version > base]
    missing = sorted(set(range(base + 1, after[-1] + 1)) - set(after)) if after else []
    if missing:
        raise DeltaLogError(
            f"{folder / entry_name(missing[0])} is missing, though later entries are there: restore it from a backup; nothing "
            "can be read of the table without it"
        )


def _broken_entry(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 64))
            tail = file.read()
    except FileNotFoundError:  # cleaned away meanwhile
        return None
    if not size:
        return "is empty"
    return None if tail.rstrip().endswith(b"}") else "is cut off"


def broken_parquet(path: Path, size: int | None = None) -> str | None:
    """What is wrong with a Parquet file, by its size and its end; None where nothing is."""
    try:
        with path.open("rb") as file:
            found = file.seek(0, os.SEEK_END)
            file.seek(max(0, found - len(MAGIC)))
            end = file.read()
    except FileNotFoundError:
        return "is gone"
    if not found:
        return "is empty"
    if size is not None and found != size:
        return f"has {found} bytes instead of {size}"
    return None if end == MAGIC else "is cut off"


def damaged_files(paths: Iterable[str]) -> str | None:
    """The first files of tables that are not on disk as they were written, in a sentence; None where all are."""
    found: list[str] = []
    for path in paths:
        try:
            found += _damaged_files_of(path)[: NAMED - len(found)]
        except DeltaLogError as error:
            return str(error)
        if len(found) == NAMED:
            break
    if not found:
        return None
    return (
        f"not on disk as it was written: {'; '.join(found)}: restore it from a backup; without one, `tally rebuild` makes what "
        "comes after Bronze again, and files of Bronze are landed again under new names"
    )


def _damaged_files_of(path: str) -> list[str]:
    check_log(path)
    try:
        adds = pa.table(DeltaTable(path).get_add_actions(flatten=True)).select(["path", "size_bytes"]).to_pylist()
    except DeltaError:
        return []  # whoever opens the table says so
    wrong = ((add["path"], broken_parquet(Path(path) / unquote(add["path"]), add["size_bytes"])) for add in adds)
    return [f"{Path(path) / name} {why}" for name, why in wrong if why]
