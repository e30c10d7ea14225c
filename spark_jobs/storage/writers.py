"""The queries that have ever committed to a table, by the transactions in its log: no compaction and no clock changes those."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.storage.checkpoint_files import newest_checkpoint
from spark_jobs.storage.delta_log import entry_path, log_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Writers:
    """The queries of a table's log. Asked again, it reads only the entries that came since."""

    path: str
    _ids: set[str] = field(default_factory=set, init=False)
    _version: int = field(default=-1, init=False)

    def queries(self) -> set[str]:
        """Return the ids of the queries: a writer is spelled ``query:table``."""
        if self._version < 0 or not self._entry(self._version + 1).exists():
            self._from_checkpoint()
        while (entry := self._entry(self._version + 1)).exists():
            self._ids |= set(_in_entry(entry))
            self._version += 1
        return {writer.partition(":")[0] for writer in self._ids if writer.endswith(f":{self._table}")}

    @property
    def _table(self) -> str:
        return "/".join(Path(self.path).parts[-2:])

    def _entry(self, version: int) -> Path:
        return entry_path(self.path, version)

    def _from_checkpoint(self) -> None:
        """Begin from the newest checkpoint, where it is further than what was read: entries before it may be cleaned away."""
        folder = log_folder(self.path)
        version, pieces = newest_checkpoint(path.name for path in folder.glob("*.parquet"))
        if version > self._version:
            for name in pieces:
                self._ids |= set(_in_checkpoint(folder / name))
            self._version = version


def _in_entry(entry: Path) -> Iterator[str]:
    with entry.open(encoding="utf-8") as lines:
        for line in lines:
            if '"txn"' in line:
                with suppress(KeyError):
                    yield json.loads(line)["txn"]["appId"]


def _in_checkpoint(path: Path) -> list[str]:
    with pq.ParquetFile(path) as checkpoint:
        rows = checkpoint.read(columns=["txn.appId"])
    # none, where the log has no transactions
    found = [pc.struct_field(rows[name], "appId") for name in rows.column_names]
    return [writer for column in found for writer in pc.drop_null(column).to_pylist()]
