"""Find and mark rows that are late, over Arrow columns.

The watermark moves with every batch: kept out of Spark's plan, that plan is compiled once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import REASON, TIMESTAMP

if TYPE_CHECKING:
    from datetime import timedelta


def watermark_of(highest: datetime | None, delay: timedelta) -> datetime | None:
    """Return the moment before which rows are late: the greatest event time less the delay, and not before the year 1."""
    if highest is None:
        return None
    return highest - min(delay, highest - datetime.min.replace(tzinfo=UTC))


def with_lateness(rows: pa.Table, watermark: datetime | None) -> pa.Table:
    """Add ``_late``: True if the event time lies before the watermark. Where one of the two is missing, a row is not late."""
    if watermark is None:
        late = pa.repeat(False, rows.num_rows)
    else:
        late = pc.fill_null(pc.less(rows["_event_time"], pa.scalar(watermark, TIMESTAMP)), False)
    return rows.append_column("_late", late)


def with_late_reason(reasons: pa.Array, late: pa.Array, event_time: str, watermark: datetime | None) -> pa.Array:
    """Append the reason ``late`` to the reasons of late rows; other reasons stay, and stay first."""
    if watermark is None or not pc.any(late).as_py():
        return reasons
    lengths = pc.fill_null(pc.list_value_length(reasons), 0).to_numpy(zero_copy_only=False)
    is_late = late.to_numpy(zero_copy_only=False).astype(bool)
    listed = pc.list_flatten(reasons)
    detail = f"before the watermark {watermark:%Y-%m-%d %H:%M:%S} UTC"
    values = pa.concat_arrays([listed, pa.array([{"code": "late", "field": event_time, "detail": detail}], REASON)])
    offsets = np.concatenate([[0], np.cumsum(lengths + is_late)]).astype(np.int32)
    places = np.full(offsets[-1], len(listed), np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    within = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    places[np.repeat(offsets[:-1], lengths) + within] = np.arange(lengths.sum())
    mask = pa.array(~is_late & np.asarray(pc.is_null(reasons)))
    return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(places)), mask=mask)
