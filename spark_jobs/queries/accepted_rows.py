"""Look up the accepted rows that a batch could repeat: pruned by the Delta log, keys only, never the whole table.

Files are chosen by the bounds of event time in the log; of those, row groups by their own statistics; of those, three
columns are read. The cost is that of the batch's range of times, not of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.lake import of_subject
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.add_actions import add_actions, bound, file_paths, live_paths
from spark_jobs.storage.keys import key_expression
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.scans import dataset, rows_where_in
from spark_jobs.transforms.dedupe import ACCEPTED_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake import DeltaTable
    from numpy.typing import NDArray

    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A closed range of event times; ``until`` None is open."""

    since: datetime
    until: datetime | None


def time_ranges(rows: pa.Table, watermark: datetime | None) -> list[TimeRange]:
    """Return the ranges of event time in which an accepted row can be one that the batch's valid rows repeat.

    For rows that are not late everything from the watermark on; for late ones their own times, a range for each day.
    """
    valid = rows.filter(rows["_valid"])
    if watermark is None:
        return [TimeRange(datetime.min.replace(tzinfo=UTC), None)] if valid.num_rows else []
    late = valid.filter(valid["_late"])
    found = [TimeRange(watermark, None)] if late.num_rows < valid.num_rows else []
    if late.num_rows:
        days = pa.table({"day": late["_event_time"].cast(pa.date32()), "time": late["_event_time"]})
        bounds = days.group_by("day").aggregate([("time", "min"), ("time", "max")]).sort_by("day")
        found += [TimeRange(row["time_min"], row["time_max"]) for row in bounds.to_pylist()]
    return found


def find_by_key(
    silver: Table, key: Sequence[str], event_time: str, keys: pa.Array, times: Sequence[TimeRange]
) -> pa.Table:
    """Return the rows of Silver within ``times`` whose key is one of ``keys``, as ``dedupe.ACCEPTED_SCHEMA``."""
    table = open_table(silver.path) if times and len(keys) else None
    if table is None:
        return ACCEPTED_SCHEMA.empty_table()
    paths = _candidates(table, silver, event_time, times)
    if not paths:
        return ACCEPTED_SCHEMA.empty_table()
    files = dataset(silver, paths)
    text = key_expression(silver.data_schema, key)
    columns = {"key": text, "event_time": pc.field(event_time), "row_id": pc.field("row_id")}
    # The scan makes one set of the keys; ``pc.is_in`` would make it anew for every batch of rows.
    return files.to_table(columns, filter=_within(event_time, times) & text.isin(keys)).cast(ACCEPTED_SCHEMA)


def find_by_change_id(changes: Table, name: str, event_time: str, ids: pa.Array) -> pa.Table:
    """Return the rows of a change log whose id is one of ``ids``, whatever their age, as ``dedupe.ACCEPTED_SCHEMA``.

    Only files between whose bounds an id lies are opened: none, where ids ascend and nothing comes twice.
    """
    found = open_table(changes.path) if len(ids) else None
    adds = add_actions(found) if found is not None else pa.table({})
    if not adds.num_rows:
        return ACCEPTED_SCHEMA.empty_table()
    ordered = ids.take(pc.sort_indices(ids)).to_numpy(zero_copy_only=False)
    low, high = (bound(adds, f"{side}.{name}").to_pylist() for side in ("min", "max"))
    inside = [_may_hold(ordered, a, b) for a, b in zip(low, high, strict=True)]
    paths = file_paths(changes, adds.filter(pa.array(inside)))
    if not paths:
        return ACCEPTED_SCHEMA.empty_table()
    files = dataset(changes, paths)
    rows = files.to_table([name, event_time, "row_id"], filter=pc.field(name).isin(ids))
    return pa.table([rows[name], rows[event_time], rows["row_id"]], schema=ACCEPTED_SCHEMA)


def _may_hold(ordered: NDArray[Any], low: str | None, high: str | None) -> bool:
    """True if one of some ascending texts lies between two bounds, or the bounds are not known."""
    if low is None or high is None:
        return True
    return bool(np.searchsorted(ordered, low, "left") < np.searchsorted(ordered, high, "right"))


def row_ids_of_sources(tables: Sequence[Table], subject: str, sources: pa.Array) -> pa.Array:
    """Return the row ids of these sources in ``tables``, which have a column ``source``."""
    found = [_row_ids(table, subject, sources) for table in tables] if len(sources) else []
    return pa.concat_arrays(found) if found else pa.array([], pa.string())


def _row_ids(table: Table, subject: str, sources: pa.Array) -> pa.Array:
    rows = rows_where_in(table, "source", sources, ["row_id"], partition=of_subject(subject))
    return rows["row_id"].combine_chunks()


def known_row_ids(silver: Table, row_ids: pa.Array) -> pa.Array:
    """Return those of the row ids that Silver holds. Reads one column of all of Silver: for rows that were landed before only."""
    paths = live_paths(silver) if len(row_ids) else []
    if not paths:
        return pa.array([], pa.string())
    files = dataset(silver, paths)
    return files.to_table(["row_id"], filter=pc.field("row_id").isin(row_ids))["row_id"].combine_chunks()


def sources_landed_again(files: Table, subject: str, sources: pa.Array) -> pa.Array:
    """Return those of the sources that were landed more than once, as after the loss of ingest's checkpoint."""
    lines = rows_where_in(files, "source", sources, ["source"], partition=of_subject(subject))["source"]
    counts = pc.value_counts(lines.combine_chunks())
    return counts.field("values").filter(pc.greater(counts.field("counts"), 1))


def _candidates(table: DeltaTable, silver: Table, event_time: str, times: Sequence[TimeRange]) -> list[str]:
    """Return the files whose bounds of event time overlap one of the ranges, and those without bounds."""
    adds = add_actions(table)
    if adds.num_rows == 0:
        return []
    low = bound(adds, f"min.{event_time}").cast(TIMESTAMP)
    high = bound(adds, f"max.{event_time}").cast(TIMESTAMP)
    chosen = pa.chunked_array([pa.array([False] * adds.num_rows)])
    for each in times:
        overlaps = pc.greater_equal(high, pa.scalar(each.since, TIMESTAMP))
        if each.until is not None:
            overlaps = pc.and_(overlaps, pc.less_equal(low, pa.scalar(each.until, TIMESTAMP)))
        chosen = pc.or_(chosen, pc.coalesce(overlaps, True))
    return file_paths(silver, adds.filter(chosen))


def _within(event_time: str, times: Sequence[TimeRange]) -> pc.Expression:
    inside = pc.scalar(False)
    for each in times:
        part = pc.field(event_time) >= pa.scalar(each.since, TIMESTAMP)
        if each.until is not None:
            part &= pc.field(event_time) <= pa.scalar(each.until, TIMESTAMP)
        inside |= part
    return inside
