"""Changes reduced: put in order, with the values that each key had after each of them. Pure, over Arrow columns.

The order of a key's changes is their sequence, and their change_id (as text) where that is equal; when they arrived plays no part.
So whatever way changes are split into batches, and in whatever order they come, the rows come out the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.arrow_columns import as_mask, as_numbers, key_codes, one_array, run_starts
from spark_jobs.transforms.entity_rows import value_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.contract import Contract
    from spark_jobs.transforms.arrow_columns import Mask, Numbers

#: Where a row comes from: the lake (a current row, or an earlier change), this batch, or a truncate of this batch.
EXISTING, NEW, FROM_TRUNCATE = 0, 1, 2
#: What an accepted change did, as the columns of ops/batch_quality call it.
EFFECTS = ("inserted", "updated", "deleted", "superseded", "unchanged")


@dataclass(frozen=True, slots=True)
class ReducedChanges:
    """Rows (columns of ``entity_row_schema``) by key, sequence and change_id, each with the values that its key had after it.

    ``key_code`` numbers the keys from 0; ``origin`` is EXISTING, NEW or FROM_TRUNCATE; ``last_existing`` is for each row the
    place of the last EXISTING row of its key, -1 where there is none.
    """

    rows: pa.Table
    key_code: Numbers
    origin: Numbers
    last_existing: Numbers

    @property
    def is_first(self) -> Mask:
        """True for the first row of each key."""
        return run_starts(self.key_code)

    @property
    def is_last(self) -> Mask:
        """True for the last row of each key: the row that is current after the batch."""
        last: Mask = np.append(self.is_first[1:], len(self.key_code) > 0)[: len(self.key_code)]
        return last

    @property
    def is_late(self) -> Mask:
        """True for a row of this batch that is older than the row that its key had before the batch."""
        late: Mask = (self.origin != EXISTING) & (np.arange(len(self.key_code)) < self.last_existing)
        return late


def reduce_changes(rows: pa.Table, origin: Numbers, contract: Contract) -> ReducedChanges:
    """Order the rows (columns of ``entity_row_schema``) and give each the values that its key had after it.

    For every key there must be either its current row, or all of its earlier changes, or neither (an unknown key).
    """
    code = key_codes(rows, contract.key)
    order = change_order(rows, code)
    rows, code, origin = rows.take(pa.array(order)).combine_chunks(), code[order], origin[order]
    return ReducedChanges(
        _with_values_after(rows, run_starts(code), contract), code, origin, _last_existing(code, origin)
    )


def change_order(rows: pa.Table, code: Numbers) -> Numbers:
    """Return the places of the rows in the order of key code, sequence and change_id."""
    sequence = as_numbers(rows["_sequence"])
    order = np.lexsort((sequence, code))
    same = ~run_starts(code[order], sequence[order])
    tied = same | np.append(same[1:], False)
    if not tied.any():
        return order
    # Texts are compared for ties only: sorting them all costs more than everything else here.
    places = np.flatnonzero(tied)
    ids = one_array(rows["_change_id"]).take(pa.array(order[places]))
    group = np.cumsum(~same)[places]
    by_id = pc.sort_indices(pa.table({"group": group, "id": ids}), [("group", "ascending"), ("id", "ascending")])
    order[places] = order[places][by_id.to_numpy()]
    return order


def count_effects(reduced: ReducedChanges, contract: Contract) -> dict[str, int]:
    """Return how many changes of this batch had which of the EFFECTS, as if they had been applied one by one in their order.

    superseded: its key had a newer change before the batch. unchanged: it leaves the row as it was, or deletes what is not there.
    """
    new, late = reduced.origin == NEW, reduced.is_late
    deleted, had_row = as_mask(reduced.rows["_deleted"]), _had_row(reduced)
    same = equals_previous_row(reduced.rows, value_columns(contract)) & ~reduced.is_first
    on_time = new & ~late
    masks = {
        "inserted": on_time & ~deleted & ~had_row,
        "updated": on_time & ~deleted & had_row & ~same,
        "deleted": on_time & deleted & had_row,
        "superseded": new & late,
        "unchanged": on_time & ((deleted & ~had_row) | (~deleted & had_row & same)),
    }
    return {name: int(mask.sum()) for name, mask in masks.items()}


def effective_truncates(reduced: ReducedChanges) -> set[str]:
    """Return the change_ids of the truncates of this batch that deleted a row that was there."""
    found = (reduced.origin == FROM_TRUNCATE) & ~reduced.is_late & _had_row(reduced)
    return set(pc.unique(reduced.rows["_change_id"].filter(pa.array(found))).to_pylist())


def equals_previous_row(rows: pa.Table, names: Sequence[str]) -> Mask:
    """True for a row that has the same values in these columns as the row before it; null equals null."""
    same = np.ones(rows.num_rows, bool)
    same[:1] = False
    for name in names:
        column = one_array(rows[name])
        here, before = column.slice(1), column.slice(0, max(0, len(column) - 1))
        equal = pc.fill_null(pc.equal(here, before), False)
        both_null = pc.and_(pc.is_null(here), pc.is_null(before))
        same[1:] &= np.asarray(pc.or_(equal, both_null))
    return same


def _had_row(reduced: ReducedChanges) -> Mask:
    """True for a row whose key had a row, not deleted, right before it."""
    deleted_before = np.append(True, as_mask(reduced.rows["_deleted"]))[:-1]
    had: Mask = ~deleted_before & ~reduced.is_first
    return had


def _with_values_after(rows: pa.Table, is_first: Mask, contract: Contract) -> pa.Table:
    """Return the rows with the values after each change: a delete leaves none, a partial update keeps those it does not name."""
    deleted = as_mask(rows["_deleted"])
    named = _NamedFields(rows) if contract.partial_updates else None
    for name in value_columns(contract):
        column = one_array(rows[name])
        if named is None:
            after = pc.if_else(pa.array(deleted), pa.scalar(None, column.type), column)
        else:
            after = _carried_forward(column, named.has(name), is_first, deleted)
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), after)
    return rows


def _carried_forward(column: pa.Array, has_value: Mask, is_first: Mask, deleted: Mask) -> pa.Array:
    """Return each row's value, or that of the last row of its key that has one."""
    source = np.maximum.accumulate(np.where(has_value | is_first | deleted, np.arange(len(is_first)), 0))
    nothing = deleted[source] | ~has_value[source]
    return column.take(pa.array(source, mask=nothing))


class _NamedFields:
    """Knows which rows name which field: whole rows all of them, partial updates those in ``given``."""

    def __init__(self, rows: pa.Table) -> None:
        given = one_array(rows["given"])
        self._whole = np.asarray(pc.is_null(given))
        self._names = pc.list_flatten(given)
        self._places = pc.list_parent_indices(given).to_numpy()

    def has(self, name: str) -> Mask:
        mask = self._whole.copy()
        mask[self._places[np.asarray(pc.equal(self._names, name))]] = True
        return mask


def _last_existing(code: Numbers, origin: Numbers) -> Numbers:
    last = np.full(int(code.max()) + 1 if len(code) else 0, -1, np.int64)
    existing = np.flatnonzero(origin == EXISTING)
    last[code[existing]] = existing  # places ascend, so the last one stays
    return last[code]
