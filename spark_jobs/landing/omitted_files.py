"""Files that Spark's file source omits from its batches: empty ones, and what may not be read.

Spark lists an empty file, a pipe or a device and leaves it out of the batch; links that lead nowhere, names that are no UTF-8
and folders named like a file it leaves out of the list. So that each has its row in the ingest ledger, a batch looks itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from spark_jobs.landing.landed_file import LandedFile
from spark_jobs.landing.listing import list_folder
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from spark_jobs.landing.listing import LandingEntry
    from spark_jobs.storage.table import Table

#: The fingerprint of every empty file.
EMPTY_FINGERPRINT = hashlib.blake2b(digest_size=16).hexdigest()


@dataclass(slots=True)
class OmittedFiles:
    """The files of one subject's landing folder that no batch is given. ``files``: the ingest ledger.

    ``_recorded``: sources that lie in the folder and are known to be in the ledger, so that they are looked up once.
    """

    files: Table
    subject: str
    folder: Path
    _recorded: set[str] = field(default_factory=set)

    def find_new(self, handed: Collection[str], ingested_at: int) -> list[LandedFile]:
        """Return those that are not in the ledger yet, but for the sources handed to this batch; read from ``ingested_at`` on.

        Looked for again after a crash they are found again: they are in the ledger only once the batch is committed.
        """
        found = {f"{self.subject}/{entry.name}": entry for entry in list_folder(self.folder) if _is_omitted(entry)}
        self._recorded &= found.keys()
        unknown = found.keys() - self._recorded
        if unknown:
            self._recorded |= self._in_ledger({source: found[source] for source in unknown})
        new = sorted(unknown - self._recorded - set(handed))
        return [_landed_file(source, found[source], ingested_at + place) for place, source in enumerate(new)]

    def _in_ledger(self, entries: dict[str, LandingEntry]) -> set[str]:
        """Return the sources that the ledger holds: as set aside, or, of an empty file, in any way.

        A file that was read and emptied later is a rewritten one, and no new empty one.
        """
        table = open_table(self.files.path)
        if table is None:
            return set()
        wanted = (ds.field("subject") == self.subject) & ds.field("source").isin(list(entries))
        rows = table.to_pyarrow_dataset().to_table(columns=["source", "status"], filter=wanted).to_pylist()
        return {
            row["source"]
            for row in rows
            if row["status"] == "set_aside" or entries[row["source"]].set_aside_reason is None
        }


def _is_omitted(entry: LandingEntry) -> bool:
    return bool(entry.set_aside_reason) or (not entry.other_ending and not entry.bytes)


def _landed_file(source: str, entry: LandingEntry, ingested_at: int) -> LandedFile:
    if entry.set_aside_reason:
        status, detail = "set_aside", entry.set_aside_reason
        return LandedFile(source, None, entry.bytes, 0, 0, status, entry.modified_ms, ingested_at, detail)
    return LandedFile(source, EMPTY_FINGERPRINT, 0, 0, 0, "empty", entry.modified_ms, ingested_at)
