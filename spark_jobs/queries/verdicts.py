"""Find the rows of a batch that have a verdict already, where Spark hands over a batch that it planned otherwise before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.functions import broadcast

from spark_jobs.lake import of_subject
from spark_jobs.storage.add_actions import live_paths
from spark_jobs.storage.scans import dataset, rows_where_in
from spark_jobs.transforms.arrow_columns import as_numbers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.transforms.arrow_columns import Numbers

#: Columns that tell a row of a batch, and each of its copies, from all others.
IDENTITY_COLUMNS = ("row_id", "source", "ingested_at", "source_position")


def without_verdict(lake: Lake, subject: Subject, query_id: str, judged: DataFrame) -> DataFrame | None:
    """Return the rows of the batch that this query has not judged yet; None where it has judged all."""
    rows = judged.select(*IDENTITY_COLUMNS).toArrow()
    known = have_verdicts(lake, subject, query_id, rows)
    count = pc.sum(known).as_py() or 0
    if count == rows.num_rows:
        return None
    return judged if not count else _without_rows(judged, rows.filter(known))


def _without_rows(judged: DataFrame, rows: pa.Table) -> DataFrame:
    """Return the batch without these rows, each known by its ingested_at and position."""
    left_out = judged.sparkSession.createDataFrame(rows.select(["ingested_at", "source_position"]))
    left = judged.join(broadcast(left_out), ["ingested_at", "source_position"], "left_anti")
    return left.select(*judged.columns)


def have_verdicts(lake: Lake, subject: Subject, query_id: str, rows: pa.Table) -> pa.Array:
    """Return for each row (columns ``IDENTITY_COLUMNS``) True if this query has judged it.

    A row that was landed several times has one row id, and a verdict for each of its copies. A query judges copies in the order in
    which they were landed, so its verdicts belong to the first of them.
    """
    verdicts = _row_ids_judged(lake, subject, query_id, rows)
    known = pc.unique(verdicts)
    own = _codes(rows["row_id"], known)
    if not len(known):
        return pa.array(np.zeros(rows.num_rows, np.bool_))
    counts = np.bincount(_codes(verdicts, known), minlength=len(known))
    earlier = _earlier_copies(lake, subject, rows, known, own)
    return pa.array((own >= 0) & (earlier < counts[own]))


def _row_ids_judged(lake: Lake, subject: Subject, query_id: str, rows: pa.Table) -> pa.Array:
    """Return the row ids of the query's verdicts on these rows, one for each verdict."""
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


def _earlier_copies(lake: Lake, subject: Subject, rows: pa.Table, known: pa.Array, own: Numbers) -> Numbers:
    """Return for each row how many copies of it Bronze holds that were landed earlier."""
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
    times = np.unique(np.concatenate([as_numbers(copies["ingested_at"]), as_numbers(rows["ingested_at"])]))
    step = len(times)
    copies_at = np.sort(
        _codes(copies["row_id"], known) * step + np.searchsorted(times, as_numbers(copies["ingested_at"]))
    )
    own_at = own * step + np.searchsorted(times, as_numbers(rows["ingested_at"]))
    return np.searchsorted(copies_at, own_at) - np.searchsorted(copies_at, own * step)


def _codes(ids: pa.Array | pa.ChunkedArray, known: pa.Array) -> Numbers:
    """Return the place of each id among the known ones; -1 where it is none of them."""
    return as_numbers(pc.fill_null(pc.index_in(ids, known), -1))
