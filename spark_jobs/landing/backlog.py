"""Landed files that the lake has not taken in: those that wait, and those that were rewritten, set aside or are foreign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.lake import of_subject
from spark_jobs.landing.listing import LandingEntry, absolute_root, list_folder
from spark_jobs.landing.open_file import SetAsideError, fingerprint, open_regular
from spark_jobs.storage.scans import read_partition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class FileBacklog:
    """Landed files that the lake has not taken in, by name.

    New ones wait; a rewritten one is never read again by Spark's file source; ``aside``: what may not be read, and why;
    ``foreign``: files whose ending is none that is read.
    """

    waiting: tuple[str, ...]
    rewritten: tuple[str, ...]
    aside: Mapping[str, str]
    foreign: tuple[str, ...]


def file_backlog(lake: Lake, landing_root: Path, subject: Subject) -> FileBacklog:
    """Compare the landing folder with the ingest ledger, by name, size, time of change and then content."""
    ledger = read_partition(lake.files, of_subject(subject.name))
    read = {row["source"]: row for row in ledger.sort_by("ingested_at").to_pylist()}
    waiting, rewritten, foreign = list[str](), list[str](), list[str]()
    aside: dict[str, str] = {}
    folder = absolute_root(landing_root) / subject.name
    for one in list_folder(folder):
        source = f"{subject.name}/{one.name}"
        row = read.get(source)
        if one.other_ending:
            foreign.append(source)
        elif one.set_aside_reason:
            aside[source] = one.set_aside_reason
        elif row is None:
            waiting.append(source)
        elif row["status"] == "set_aside":
            aside[source] = _once_aside(row)
        elif _is_rewritten(folder, one, row):
            rewritten.append(source)
    return FileBacklog(tuple(waiting), tuple(rewritten), aside, tuple(foreign))


def _once_aside(row: dict[str, Any]) -> str:
    """Why the ledger says that a file was set aside: whatever it is by now, it is not read again under its name."""
    return f"{row['detail']}, when its turn came"


def _is_rewritten(folder: Path, found: LandingEntry, read: dict[str, Any]) -> bool:
    """Whether a file's content is another than was read; one that was only touched is not, nor one that cannot be opened."""
    changed = datetime.fromtimestamp(found.modified_ms / 1000, UTC)
    if (found.bytes, changed) == (read["bytes"], read["source_time"]):
        return False
    try:
        with open_regular(folder, found.name.split("/")) as file:
            return bool(fingerprint(file) != read["source_fingerprint"])
    except FileNotFoundError:
        return False
    except SetAsideError:
        return True
