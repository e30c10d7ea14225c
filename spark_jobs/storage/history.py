"""What the lake already holds of a batch's keys: pruned by the Delta log, keys only, never the whole table.

Files are chosen by the event-time bounds in the log; of those, row groups by their own statistics; of those, three
columns. The cost is that of the batch's span of time, not of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.commit import open_table
from spark_jobs.storage.keyed import key_expression
from spark_jobs.transforms.dedupe import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake import DeltaTable
    from numpy.typing import NDArray

    from spark_jobs.lake import Table


@dataclass(frozen=True, slots=True)
class Span:
    """A closed range of event times; ``until`` None is open."""

    since: datetime
    until: datetime | None


def spans(narrow: pa.Table, watermark: datetime | None) -> list[Span]:
    """The ranges of event time in which history can hold a repeat of the batch's valid rows.

    For rows that are not late everything from the watermark on; for late ones their own times, a span for each day.
    """
    valid = narrow.filter(narrow["_valid"])
    if watermark is None:
        return [Span(datetime.min.replace(tzinfo=UTC), None)] if valid.num_rows else []
    late = valid.filter(valid["_late"])
    found = [Span(watermark, None)] if late.num_rows < valid.num_rows else []
    if late.num_rows:
        days = pa.table({"day": late["_event_time"].cast(pa.date32()), "time": late["_event_time"]})
        bounds = days.group_by("day").aggregate([("time", "min"), ("time", "max")]).sort_by("day")
        found += [Span(row["time_min"], row["time_max"]) for row in bounds.to_pylist()]
    return found


def accepted(silver: Table, key: Sequence[str], event_time: str, keys: pa.Array, times: Sequence[Span]) -> pa.Table:
    """The rows of Silver within ``times`` whose key is one of ``keys``, as ``dedupe.ACCEPTED``."""
    table = open_table(silver.path) if times and len(keys) else None
    if table is None:
        return ACCEPTED.empty_table()
    paths = _candidates(table, silver, event_time, times)
    if not paths:
        return ACCEPTED.empty_table()
    files = pads.dataset(paths, schema=silver.data_schema, format="parquet")
    text = key_expression(silver.data_schema, key)
    columns = {"key": text, "event_time": pc.field(event_time), "row_id": pc.field("row_id")}
    # The scan makes one set of the keys; ``pc.is_in`` would make it anew for every batch of rows.
    return files.to_table(columns, filter=_within(event_time, times) & text.isin(keys)).cast(ACCEPTED)


def accepted_by_id(changes: Table, name: str, event_time: str, ids: pa.Array) -> pa.Table:
    """The rows of a change log whose id is one of ``ids``, whatever their age, as ``dedupe.ACCEPTED``.

    Of its files those are opened between whose bounds an id lies: none, where ids ascend and nothing comes twice.
    """
    found = open_table(changes.path) if len(ids) else None
    adds = _adds(found) if found is not None else pa.table({})
    if not adds.num_rows:
        return ACCEPTED.empty_table()
    ordered = ids.take(pc.sort_indices(ids)).to_numpy(zero_copy_only=False)
    low, high = (_bound(adds, f"{bound}.{name}").to_pylist() for bound in ("min", "max"))
    inside = [_may_hold(ordered, a, b) for a, b in zip(low, high, strict=True)]
    paths = _paths(changes, adds.filter(pa.array(inside)))
    if not paths:
        return ACCEPTED.empty_table()
    files = pads.dataset(paths, schema=changes.data_schema, format="parquet")
    rows = files.to_table([name, event_time, "row_id"], filter=pc.field(name).isin(ids))
    return pa.table([rows[name], rows[event_time], rows["row_id"]], schema=ACCEPTED)


def _may_hold(ordered: NDArray[Any], low: str | None, high: str | None) -> bool:
    """Whether one of some ascending texts lies between two bounds."""
    if low is None or high is None:
        return True
    return bool(np.searchsorted(ordered, low, "left") < np.searchsorted(ordered, high, "right"))


def judged_before(tables: Sequence[Table], subject: str, sources: pa.Array) -> pa.Array:
    """The row ids from these sources that lie in ``tables`` (those with a ``source``); for files that were read before."""
    found = [_row_ids(table, subject, sources) for table in tables] if len(sources) else []
    return pa.concat_arrays(found) if found else pa.array([], pa.string())


def _row_ids(table: Table, subject: str, sources: pa.Array) -> pa.Array:
    rows = of_sources(table, subject, sources, ["row_id"])
    return rows["row_id"].combine_chunks()


def accepted_before(silver: Table, row_ids: pa.Array) -> pa.Array:
    """Those of the row ids that Silver holds. Reads one column of all of Silver: for rows that were read before only."""
    table = open_table(silver.path) if len(row_ids) else None
    paths = _paths(silver, _adds(table)) if table is not None else []
    if not paths:
        return pa.array([], pa.string())
    files = pads.dataset(paths, schema=silver.data_schema, format="parquet")
    return files.to_table(["row_id"], filter=pc.field("row_id").isin(row_ids))["row_id"].combine_chunks()


def read_more_than_once(files: Table, subject: str, sources: pa.Array) -> pa.Array:
    """Those of the sources that were landed more than once, as after the loss of ingest's checkpoint."""
    readings = of_sources(files, subject, sources, ["source"])["source"]
    counts = pc.value_counts(readings.combine_chunks())
    return counts.field("values").filter(pc.greater(counts.field("counts"), 1))


def of_sources(
    table: Table, subject: str, sources: pa.Array, columns: list[str], where: pc.Expression | None = None
) -> pa.Table:
    """Some columns of one subject's rows from some sources, of the files whose bounds can hold them."""
    adds = _adds_of(table, subject)
    empty = pa.schema([table.data_schema.field(name) for name in columns]).empty_table()
    if not adds.num_rows or not len(sources):
        return empty
    low, high = pc.min(sources).as_py(), pc.max(sources).as_py()
    inside = pc.and_(pc.less_equal(_bound(adds, "min.source"), high), pc.greater_equal(_bound(adds, "max.source"), low))
    paths = _paths(table, adds.filter(pc.coalesce(inside, True)))
    if not paths:
        return empty
    files = pads.dataset(paths, schema=table.data_schema, format="parquet")
    wanted = pc.field("source").isin(sources)
    return files.to_table(columns, filter=wanted if where is None else wanted & where)


def latest(table: Table, subject: str, column: str) -> datetime | None:
    """The greatest value of a time column among a subject's rows, exactly.

    The log has bounds to the millisecond, rounded up here and down by others, so files within one of the greatest are read, and
    files of which it has none.
    """
    adds = _adds_of(table, subject)
    bounds = _bound(adds, f"max.{column}").cast(TIMESTAMP).cast(pa.int64())
    near = pc.greater_equal(bounds, pc.subtract(pc.max(bounds), 1000))
    chosen = pc.or_(pc.coalesce(near, False), _unbounded(adds, column, bounds))
    paths = _paths(table, adds.filter(chosen))
    if not paths:
        return None
    rows = pads.dataset(paths, schema=table.data_schema, format="parquet").to_table([column])
    return pc.max(rows[column]).as_py()  # type: ignore[no-any-return]


def _unbounded(adds: pa.Table, column: str, bounds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which files may hold values that the log has no bound of; not those that hold nulls alone."""
    nulls = _bound(adds, f"null_count.{column}").cast(pa.int64())
    only_nulls = pc.coalesce(pc.equal(nulls, _bound(adds, "num_records").cast(pa.int64())), False)
    return pc.and_(pc.is_null(bounds), pc.invert(only_nulls))


def holds_any(table: Table, subject: str) -> bool:
    """Whether a table has files with a subject's rows."""
    return bool(_adds_of(table, subject).num_rows)


def _adds_of(table: Table, subject: str) -> pa.Table:
    """The files with a subject's rows: of its own tables all, of those that subjects share its partition's."""
    found = open_table(table.path)
    adds = _adds(found) if found is not None else pa.table({"path": pa.array([], pa.string())})
    if not adds.num_rows or "subject" not in table.partition_by:
        return adds
    return adds.filter(pc.equal(adds["partition.subject"], subject))


def _adds(table: DeltaTable) -> pa.Table:
    return pa.table(table.get_add_actions(flatten=True))


def _bound(adds: pa.Table, name: str) -> pa.ChunkedArray:
    """A bound of each file, null where the log has none: such a file may hold anything."""
    return adds[name] if name in adds.column_names else pa.chunked_array([pa.nulls(adds.num_rows, pa.string())])


def _candidates(table: DeltaTable, silver: Table, event_time: str, times: Sequence[Span]) -> list[str]:
    adds = _adds(table)
    if adds.num_rows == 0:
        return []
    low = _bound(adds, f"min.{event_time}").cast(TIMESTAMP)
    high = _bound(adds, f"max.{event_time}").cast(TIMESTAMP)
    chosen = pa.chunked_array([pa.array([False] * adds.num_rows)])
    for span in times:
        overlaps = pc.greater_equal(high, pa.scalar(span.since, TIMESTAMP))
        if span.until is not None:
            overlaps = pc.and_(overlaps, pc.less_equal(low, pa.scalar(span.until, TIMESTAMP)))
        chosen = pc.or_(chosen, pc.coalesce(overlaps, True))
    return _paths(silver, adds.filter(chosen))


def paths_of(table: Table) -> list[str]:
    """The files of a table as it stands; none where it is not there yet."""
    found = open_table(table.path)
    adds = _adds(found) if found is not None else pa.table({})
    return _paths(table, adds) if adds.num_rows else []


def _paths(table: Table, adds: pa.Table) -> list[str]:
    return [str(Path(table.path) / unquote(path)) for path in adds["path"].to_pylist()]


def _within(event_time: str, times: Sequence[Span]) -> pc.Expression:
    inside = pc.scalar(False)
    for span in times:
        part = pc.field(event_time) >= pa.scalar(span.since, TIMESTAMP)
        if span.until is not None:
            part &= pc.field(event_time) <= pa.scalar(span.until, TIMESTAMP)
        inside |= part
    return inside
