"""Check a table's log for files that are empty, cut off or missing, before anyone follows it.

A power cut, a full disk or a restored backup can leave a file empty or cut off. Some readers of Delta take an empty log entry for
one that says nothing: the rows it named would be missing without a word. So a log is looked at before it is followed.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from spark_jobs.storage.delta_log import entry_name, log_folder
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The newest entries of a log are looked at, and all after its checkpoint: what came before has long been on disk.
RECENT = 100

MAGIC = b"PAR1"
_ENTRY = re.compile(r"(\d{20})\.json")

_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.[^.]+)*\.parquet")


def check_log(path: str) -> None:
    """Raise DeltaLogError where an entry or a checkpoint that readers go by is empty, cut off or missing. No log is fine."""
    folder = log_folder(path)
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
        "restore it from a backup; without one, move this newest entry away, start the stream, which commits what its journal "
        "holds, and run `tally audit`, which names what is missing"
    )


def _check_checkpoints(folder: Path, checkpoints: dict[str, int]) -> None:
    """Check every file of the newest checkpoint: readers take them all."""
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
    """Return what is wrong with a Parquet file, by its size and its end; None where nothing is."""
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
