"""Landed files that are not in the lake: those that wait, and those that are rewritten, set aside or of another ending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.lake import of_subject
from spark_jobs.landing.listing import LandingEntry, list_folder
from spark_jobs.landing.open_file import SetAsideError, fingerprint, open_regular
from spark_jobs.landing.spark_source import subject_folder
from spark_jobs.storage.scans import read_partition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class FileBacklog:
    """Sources that lie in the landing folder and are not in the lake. The names of the fields are those of ``tally status --json``.

    ``waiting``: not read yet. ``rewritten``: another content than was read; Spark's file source never hands such a file over again.
    ``aside``: may not be read, with the reason. ``foreign``: its ending is none that is read.
    """

    waiting: tuple[str, ...]
    rewritten: tuple[str, ...]
    aside: Mapping[str, str]
    foreign: tuple[str, ...]


def file_backlog(lake: Lake, landing_root: Path, subject: Subject) -> FileBacklog:
    """Compare the landing folder with the ingest ledger: by name, by size and time of change, and then by content."""
    ledger = read_partition(lake.files, of_subject(subject.name))
    read = {row["source"]: row for row in ledger.sort_by("ingested_at").to_pylist()}
    waiting, rewritten, foreign = list[str](), list[str](), list[str]()
    aside: dict[str, str] = {}
    folder = subject_folder(landing_root, subject.name)
    for entry in list_folder(folder):
        source = f"{subject.name}/{entry.name}"
        row = read.get(source)
        if entry.other_ending:
            foreign.append(source)
        elif entry.set_aside_reason:
            aside[source] = entry.set_aside_reason
        elif row is None:
            waiting.append(source)
        elif row["status"] == "set_aside":  # whatever it is by now, it is not read again under its name
            aside[source] = f"{row['detail']}, when its turn came"
        elif _is_rewritten(folder, entry, row):
            rewritten.append(source)
    return FileBacklog(tuple(waiting), tuple(rewritten), aside, tuple(foreign))


def _is_rewritten(folder: Path, entry: LandingEntry, read: dict[str, Any]) -> bool:
    """True if the content is another than was read, or can be read no longer; not of a file that was touched, or that is gone."""
    changed = datetime.fromtimestamp(entry.modified_ms / 1000, UTC)
    if (entry.bytes, changed) == (read["bytes"], read["source_time"]):
        return False
    try:
        with open_regular(folder, entry.name.split("/")) as file:
            return bool(fingerprint(file) != read["source_fingerprint"])
    except FileNotFoundError:
        return False
    except SetAsideError:
        return True
