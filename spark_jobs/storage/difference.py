"""Compare two versions of a table: the rows that only the first has, and those that only the second has.

By the log, only files are read that one version has and the other has not, and of a file of which more rows were
deleted only those. Rows that were merely written again, as by an OPTIMIZE, cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap64

from spark_jobs.storage.deletion_vectors import DeletionVectorError, positions, read_vector
from spark_jobs.storage.delta_log import read_log
from spark_jobs.storage.key_lookup import live_files
from spark_jobs.storage.live_files import LiveFile, count_rows_in, read_live, read_rows
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spark_jobs.storage.deletion_vectors import RowNumbers
    from spark_jobs.storage.snapshot import Snapshot
    from spark_jobs.storage.table import Table

#: Rows that may be read to tell what changed; where there are more, reading everything is no dearer.
MOST_ROWS = 5_000_000
#: How often a row is there after, less how often before. No contract's field can have this name.
WEIGHT = "how often"


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A version of one table, which its metadata's id tells from another table at the same place."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that are only in the first of two tables, and those only in the second; each as often as the other has it less."""

    before: pa.Table
    after: pa.Table


def table_version(table: Table) -> TableVersion | None:
    """Return the version that a table has now; None where there is no table."""
    snapshot = open_snapshot(table.path)
    return TableVersion(snapshot.metadata["id"], snapshot.version) if snapshot is not None else None


def changed_rows(
    table: Table, since: int, upto: int, columns: Sequence[str], most: int = MOST_ROWS, identity: str | None = None
) -> Difference | None:
    """Return the live rows, these columns of them, that the table has at one of two versions only, in no order.

    None where that is not known: a version or a file of it is gone, the table is not the one with the id ``identity``
    (or has become another in between), or more than ``most`` rows would have to be read. Columns are typed as the
    table's schema says and must not be nested; those that a file lacks are null.
    """
    schema = pa.schema([table.schema.field(name) for name in columns])
    if since == upto and identity is None:
        return _nothing(schema)
    try:
        pieces = _pieces(table, since, upto, identity)
        if pieces is None or sum(piece.count for side in pieces for piece in side) > most:
            return None
        return difference(*(_read(side, schema) for side in pieces))
    except (FileNotFoundError, DeletionVectorError):  # vacuumed away since, be it a file, its vector or a checkpoint
        return None


def difference(before: pa.Table, after: pa.Table) -> Difference:
    """Return the rows that two tables of one schema do not share; no column may be nested. Values are compared, not hashes."""
    nothing = before.schema.empty_table()
    if not before.num_rows or not after.num_rows:
        return Difference(before, after)
    both = pa.concat_tables([_weighted(before, -1), _weighted(after, 1)])
    groups = both.group_by(before.column_names).aggregate([(WEIGHT, "sum")])
    left = groups.filter(pc.not_equal(groups[f"{WEIGHT}_sum"], 0))
    weight = left[f"{WEIGHT}_sum"]
    rows = left.select(before.column_names).cast(before.schema) if left.num_rows else nothing
    return Difference(_repeated(rows, pc.negate(weight)), _repeated(rows, weight))


def _nothing(schema: pa.Schema) -> Difference:
    return Difference(schema.empty_table(), schema.empty_table())


def _weighted(rows: pa.Table, weight: int) -> pa.Table:
    return rows.append_column(WEIGHT, pa.repeat(pa.scalar(weight, pa.int64()), rows.num_rows))


def _repeated(rows: pa.Table, times: pa.ChunkedArray) -> pa.Table:
    """Return each row that many times, and none where the number is negative."""
    counts = np.maximum(times.to_numpy(), 0)
    return rows.take(pa.array(np.repeat(np.arange(rows.num_rows), counts)))


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows to read of one file: those with the numbers ``rows``, or all live ones where that is None. ``count``: how many."""

    file: LiveFile
    count: int
    rows: RowNumbers | None = None

    def read(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Read these columns of the rows, a chunk at a time."""
        return read_live(self.file, schema) if self.rows is None else read_rows(self.file, schema, self.rows)


def _read(pieces: Sequence[Piece], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *(rows for piece in pieces for rows in piece.read(schema))])


def _pieces(
    table: Table, since: int, upto: int, identity: str | None
) -> tuple[Sequence[Piece], Sequence[Piece]] | None:
    """Return what to read at both versions; None where one is gone, or is another table's."""
    before, after = snapshot_at(table, since), snapshot_at(table, upto)
    if before is None or after is None:
        return None
    if {before.metadata["id"], after.metadata["id"]} != {identity or after.metadata["id"]}:
        return None
    return only_in(before, after), only_in(after, before)


def snapshot_at(table: Table, version: int) -> Snapshot | None:
    """Return the table as it stood at a version; None where its log no longer tells."""
    now = open_snapshot(table.path)
    return now if now is not None and now.version == version else read_log(table.path, upto=version)


def only_in(one: Snapshot, other: Snapshot | None) -> list[Piece]:
    """Return the pieces of the first snapshot that hold rows which may not be in the other; all where there is no other."""
    others = {file.absolute: file for file in live_files(other)} if other is not None else {}
    pieces = []
    for file in live_files(one):
        same = others.get(file.absolute)
        if same is None:
            rows = count_rows_in(file, one.files[file.path].get("stats"))
            pieces.append(Piece(file, rows - file.deleted_count))
        elif _vector_id(file) != _vector_id(same):
            numbers = positions(_vector(same) - _vector(file))
            pieces += [Piece(file, len(numbers), numbers)] if len(numbers) else []
    return pieces


def _vector_id(file: LiveFile) -> tuple[Any, ...] | None:
    """Return what identifies a vector; the log may spell the rest of it in more ways than one."""
    vector = file.vector
    return (vector["storageType"], vector["pathOrInlineDv"], vector.get("offset") or 0) if vector is not None else None


def _vector(file: LiveFile) -> BitMap64:
    return read_vector(file.root, file.vector) if file.vector is not None else BitMap64()
