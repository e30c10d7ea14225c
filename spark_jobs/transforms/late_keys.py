"""The keys of a batch whose earlier changes must be read: their current row does not tell what a late change does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.arrow_columns import as_mask, has_key_of, places_of_keys, unique_keys
from spark_jobs.transforms.change_batch import with_deletes

if TYPE_CHECKING:
    from schema_registry.contract import Contract
    from spark_jobs.transforms.arrow_columns import Mask, Numbers
    from spark_jobs.transforms.change_batch import ChangeBatch, ExistingRows


def find_late_keys(batch: ChangeBatch, existing: ExistingRows, contract: Contract) -> pa.Table:
    """Return the keys (columns: the key's) whose row or history cannot be told from their current row and this batch alone.

    Where updates are partial: a change is older than the row. Where there is history: a change changes the past, or history lacks
    the version that the row is in. ``existing.log`` is not looked at.
    """
    changes = with_deletes(batch, existing, contract)
    row_of = places_of_keys(changes, existing.current, contract.key)
    late = (row_of >= 0) & _reaches_back(changes, existing.current, row_of, contract)
    rows = changes.filter(pa.array(late))
    if existing.versions is not None:
        incomplete = _lacks_version(existing.current, existing.versions, contract)
        rows = pa.concat_tables([existing.current.filter(pa.array(incomplete)), rows])
    return unique_keys(rows, contract.key)


def _reaches_back(changes: pa.Table, current: pa.Table, row_of: Numbers, contract: Contract) -> Mask:
    """True for a change that is visible at a time before its key's current row, or whose values may show through it."""
    rows = current.take(pa.array(np.maximum(row_of, 0))) if current.num_rows else changes
    same_sequence = pc.equal(changes["_sequence"], rows["_sequence"])
    older = pc.or_(
        pc.less(changes["_sequence"], rows["_sequence"]),
        pc.and_(same_sequence, pc.less(changes["_change_id"], rows["_change_id"])),
    )
    reaches = pc.and_(older, contract.partial_updates)
    if contract.tracked:
        before = pc.less(changes["_event_time"], rows["_event_time"])
        at_once = pc.equal(changes["_event_time"], rows["_event_time"])
        reaches = pc.or_(reaches, pc.or_(before, pc.and_(at_once, pc.invert(older))))
    return np.asarray(reaches).astype(bool)


def _lacks_version(current: pa.Table, versions: pa.Table, contract: Contract) -> Mask:
    """True for a current row that is not deleted and has no open version."""
    is_open = versions.filter(versions["is_current"])
    return ~has_key_of(current, is_open, contract.key) & ~as_mask(current["_deleted"])
