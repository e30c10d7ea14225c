"""What lies in a landing folder and is never handed on by Spark's file source: empty files, and what is no file to read.

Spark lists an empty file, a pipe or a device and leaves it out of the batch; links that lead nowhere, names that are no UTF-8
and folders named like a file it leaves out of the list. So that each has its row in the ingest ledger, a batch looks itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from spark_jobs.landing.land_files import LandedFile
from spark_jobs.landing.listing import list_folder
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from spark_jobs.landing.listing import LandingEntry
    from spark_jobs.storage.table import Table

#: What an empty file's fingerprint is.
EMPTY_FINGERPRINT = hashlib.blake2b(digest_size=16).hexdigest()


@dataclass(slots=True)
class SkippedFiles:
    """One subject's landing folder, looked at for what no batch is given. ``_told``: what is on record and lies there."""

    files: Table
    subject: str
    folder: Path
    _told: set[str] = field(default_factory=set)

    def find_new(self, handed: Collection[str], ingested_at: int) -> list[LandedFile]:
        """What is not on record yet, besides the files handed to this batch; read from ``ingested_at`` on.

        Looked for again after a crash, it is found again: it is on record only once the batch is committed.
        """
        found = {
            f"{self.subject}/{one.name}": one
            for one in list_folder(self.folder)
            if one.set_aside_reason or _is_empty(one)
        }
        self._told &= found.keys()
        fresh = found.keys() - self._told
        if fresh:
            self._told |= self._on_record({source: found[source] for source in fresh})
        new = sorted(fresh - self._told - set(handed))
        return [_landed(source, found[source], ingested_at + place) for place, source in enumerate(new)]

    def _on_record(self, fresh: dict[str, LandingEntry]) -> set[str]:
        """Of these, what the ledger knows: an empty file by any reading, for one that was emptied later is a rewritten one."""
        table = open_table(self.files.path)
        if table is None:
            return set()
        wanted = (ds.field("subject") == self.subject) & ds.field("source").isin(list(fresh))
        rows = table.to_pyarrow_dataset().to_table(columns=["source", "status"], filter=wanted).to_pylist()
        return {
            row["source"]
            for row in rows
            if fresh[row["source"]].set_aside_reason is None or row["status"] == "set_aside"
        }


def _is_empty(one: LandingEntry) -> bool:
    return not one.other_ending and not one.bytes


def _landed(source: str, one: LandingEntry, ingested_at: int) -> LandedFile:
    if one.set_aside_reason:
        return LandedFile(
            source, None, one.bytes, 0, 0, "set_aside", one.modified_ms, ingested_at, one.set_aside_reason
        )
    return LandedFile(source, EMPTY_FINGERPRINT, 0, 0, 0, "empty", one.modified_ms, ingested_at)
