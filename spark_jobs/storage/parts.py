"""Parquet parts of a table: written, counted, and not visible to anyone until they are committed.

A part is a finished Parquet file in a table's folder with what the Delta log must say of it. Written twice (a retried
task, a batch tried again after a crash), the file that is never committed stays invisible and is swept up by VACUUM.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as pads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: which table, where in it, how many rows its own footer says it has, and its statistics."""

    table: str
    path: str
    size: int
    rows: int
    partition: dict[str, str | None]
    stats: str
    modified_ms: int

    def to_json(self) -> dict[str, Any]:
        """A plain form that survives the trip from a worker or a ledger file."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Part:
        """The part that :meth:`to_json` described."""
        return cls(**plain)


def read_parts(table: Table, parts: Sequence[Part], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a table's parts, with its data columns or these: what was written, not what was meant to be."""
    wanted = list(columns or table.data_schema.names)
    paths = [str(Path(table.path) / part.path) for part in parts if part.table == table.name]
    files = pads.dataset(paths, schema=table.data_schema, format="parquet") if paths else None
    return files.to_table(wanted) if files is not None else table.data_schema.empty_table().select(wanted)
