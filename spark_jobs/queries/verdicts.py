"""Which rows of a batch have a verdict already: asked where Spark hands over a batch that it had planned otherwise before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.storage.add_actions import live_paths
from spark_jobs.storage.scans import dataset, rows_where_in

if TYPE_CHECKING:
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

#: What is asked of the rows of a batch.
IDENTITY_COLUMNS = ("row_id", "source", "ingested_at", "source_position")


def have_verdicts(lake: Lake, subject: Subject, query_id: str, rows: pa.Table) -> pa.Array:
    """For each row (columns ``IDENTITY_COLUMNS``) whether this query has judged it.

    A row that was landed several times has one row id, and a verdict for each of its copies: a query judges them in the order of
    their readings, so as many verdicts as it has given belong to the first copies.
    """
    told = _row_ids_judged(lake, subject, query_id, rows)
    known = pc.unique(told)
    own = _codes(rows["row_id"], known)
    if not len(known):
        return pa.array(np.zeros(rows.num_rows, np.bool_))
    counts = np.bincount(_codes(told, known), minlength=len(known))
    earlier = _earlier_copies(lake, subject, rows, known, own)
    return pa.array((own >= 0) & (earlier < counts[own]))


def _row_ids_judged(lake: Lake, subject: Subject, query_id: str, rows: pa.Table) -> pa.Array:
    """The row ids of the query's verdicts on these rows, one for each verdict."""
    ids, sources = pc.unique(rows["row_id"]), pc.unique(rows["source"])
    wanted = (pc.field("query_id") == query_id) & pc.field("row_id").isin(ids)
    tables = (lake.duplicates, lake.dead_letters)
    own = of_subject(subject.name)
    judged = [rows_where_in(table, "source", sources, ["row_id"], partition=own, where=wanted) for table in tables]
    found = [rows["row_id"] for rows in judged]
    accepted = lake.accepted(subject)
    paths = live_paths(accepted) if len(ids) else []
    if paths:
        files = dataset(accepted, paths)
        found.append(files.to_table(["row_id"], filter=wanted)["row_id"])
    return pa.chunked_array([chunk for column in found for chunk in column.chunks], pa.string()).combine_chunks()


def _earlier_copies(
    lake: Lake, subject: Subject, rows: pa.Table, known: pa.Array, own: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many copies of each row Bronze has from earlier readings."""
    sources = pc.unique(rows["source"])
    wanted = pc.field("row_id").isin(known)
    copies = rows_where_in(
        lake.bronze(subject),
        "source",
        sources,
        ["row_id", "ingested_at"],
        partition=of_subject(subject.name),
        where=wanted,
    )
    readings = np.unique(np.concatenate([_ints(copies["ingested_at"]), _ints(rows["ingested_at"])]))
    step = len(readings)
    lie = np.sort(_codes(copies["row_id"], known) * step + np.searchsorted(readings, _ints(copies["ingested_at"])))
    place = own * step + np.searchsorted(readings, _ints(rows["ingested_at"]))
    return np.searchsorted(lie, place) - np.searchsorted(lie, own * step)


def _codes(ids: pa.Array | pa.ChunkedArray, known: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found = pc.index_in(ids, known).cast(pa.int64()).fill_null(-1)
    return np.asarray(found.to_numpy() if isinstance(found, pa.ChunkedArray) else found.to_numpy(zero_copy_only=False))


def _ints(times: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(times.cast(pa.int64()).to_numpy())
