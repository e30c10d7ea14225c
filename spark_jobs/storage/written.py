"""Reading back what was written: parts that no table names yet, and the rare rows of one operation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from spark_jobs.storage.pruned import paths_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


def read_parts(table: Table, parts: Sequence[Part], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a table's parts, with its data columns or these: what was written, not what was meant to be."""
    wanted = list(columns or table.data_schema.names)
    paths = [str(Path(table.path) / part.path) for part in parts if part.table == table.name]
    return _dataset(table, paths).to_table(wanted) if paths else table.data_schema.empty_table().select(wanted)


def op_rows(changes: Table, op: str) -> pa.Table:
    """The change log's rows of one operation. Reads one short column of all of the log, and the rest where it occurs."""
    paths = paths_of(changes)
    return (
        _dataset(changes, paths).to_table(filter=pc.field("op") == op) if paths else changes.data_schema.empty_table()
    )


def _dataset(table: Table, paths: Sequence[str]) -> pads.Dataset:
    return pads.dataset(list(paths), schema=table.data_schema, format="parquet")
