"""A Delta table's description, handed to all that read or write it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Table:
    """A Delta table: where it is, its columns, and what its log says for pruning.

    ``near_unique`` columns are written without a dictionary, as one would never pay for itself. ``key_columns``: the columns
    by which rows are replaced (see ``storage.replace``); none for a table that is only appended to. ``row_group_rows``: rows
    of a Parquet row group; fewer make it cheaper to read a few rows of many.
    """

    name: str
    path: str
    schema: pa.Schema
    partition_by: tuple[str, ...] = ()
    stats: tuple[str, ...] = ()
    near_unique: tuple[str, ...] = ("row_id",)
    key_columns: tuple[str, ...] = ()
    row_group_rows: int = 131_072

    @property
    def data_schema(self) -> pa.Schema:
        """Return the columns inside the Parquet files: all but the partition columns, which are in the paths."""
        return pa.schema([field for field in self.schema if field.name not in self.partition_by])
