"""Changes folded into the row that each key has come to. Pure, over Arrow columns, without a Python step per row.

The order of a key's changes is their sequence, and their change_id (as text) where that is equal; when they arrived plays no part.
So whatever way changes are split into batches, and in whatever order they come, the rows come out the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.entity_rows import value_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schema_registry.contract import Contract

    Mask = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

#: Where a row to be folded comes from.
EXISTING, NEW, FROM_TRUNCATE = 0, 1, 2
#: What an accepted change did, in the words of the books.
EFFECTS = ("inserted", "updated", "deleted", "superseded", "unchanged")


@dataclass(frozen=True, slots=True)
class ReducedChanges:
    """All rows, ordered by key and then by sequence and change_id, each with the values that its key had after it.

    ``code`` numbers the keys from 0; ``origin`` is KNOWN (the key's row, or earlier changes, before this batch), NEW (a change
    of this batch) or IMPLIED (what a truncate of this batch does to the key). ``known_until`` is for each row the place of the
    last KNOWN row of its key, -1 where there is none.
    """

    rows: pa.Table
    code: Numbers
    origin: Numbers
    known_until: Numbers

    @property
    def starts(self) -> Mask:
        """Whether a row is the first of its key."""
        return _changes(self.code)

    @property
    def lasts(self) -> Mask:
        """Whether a row is the last of its key: the one that the key has come to."""
        lasts: Mask = np.append(self.starts[1:], len(self.code) > 0)[: len(self.code)]
        return lasts

    @property
    def is_late(self) -> Mask:
        """Whether a row of this batch is older than what its key had come to before."""
        late: Mask = (self.origin != EXISTING) & (np.arange(len(self.code)) < self.known_until)
        return late


def reduce_changes(rows: pa.Table, origin: Numbers, contract: Contract) -> ReducedChanges:
    """Order the rows (columns of ``entity_row_schema``) and give each the values that its key had after it.

    For every key there must be either its current row, or all of its earlier changes, or neither (an unknown key).
    """
    code = key_codes(rows, contract.key)
    order = change_order(rows, code)
    rows, code, origin = rows.take(pa.array(order)).combine_chunks(), code[order], origin[order]
    resolved = _resolved(rows, _changes(code), contract)
    return ReducedChanges(resolved, code, origin, _known_until(code, origin))


def key_codes(rows: pa.Table, key: Sequence[str]) -> Numbers:
    """Rows of one key have one number, from 0 on."""
    code = np.zeros(rows.num_rows, np.int64)
    for name in key:
        own = _one(rows[name]).dictionary_encode(null_encoding="encode")
        code = code * max(1, len(own.dictionary)) + own.indices.to_numpy(zero_copy_only=False)
        code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    return code


def change_order(rows: pa.Table, code: Numbers) -> Numbers:
    """The places of the rows by key, sequence and change_id."""
    sequence = _ints(rows["_sequence"])
    order = np.lexsort((sequence, code))
    same = ~_changes(code[order], sequence[order])
    tied = same | np.append(same[1:], False)
    if not tied.any():
        return order
    # Texts are compared for ties only: sorting them all costs more than everything else here.
    places = np.flatnonzero(tied)
    ids = _one(rows["_change_id"]).take(pa.array(order[places]))
    group = np.cumsum(~same)[places]
    by_id = pc.sort_indices(pa.table({"group": group, "id": ids}), [("group", "ascending"), ("id", "ascending")])
    order[places] = order[places][by_id.to_numpy()]
    return order


def count_effects(folded: ReducedChanges, contract: Contract) -> dict[str, int]:
    """How many changes of this batch did what, as if they had been applied one by one in their order.

    superseded: its key had come to a newer change before. A change that leaves the row as it was, or deletes what is not
    there, is unchanged.
    """
    new, late = folded.origin == NEW, folded.is_late
    deleted, was_live = _deleted(folded.rows), _was_live(folded)
    same = _same_values(folded.rows, contract) & ~folded.starts
    on_time = new & ~late
    counts = {
        "inserted": on_time & ~deleted & ~was_live,
        "updated": on_time & ~deleted & was_live & ~same,
        "deleted": on_time & deleted & was_live,
        "superseded": new & late,
        "unchanged": on_time & ((deleted & ~was_live) | (~deleted & was_live & same)),
    }
    return {name: int(mask.sum()) for name, mask in counts.items()}


def effective_truncates(folded: ReducedChanges) -> set[str]:
    """The change_ids of the truncates of this batch that deleted a row that was there."""
    found = (folded.origin == FROM_TRUNCATE) & ~folded.is_late & _was_live(folded)
    return set(pc.unique(folded.rows["_change_id"].filter(pa.array(found))).to_pylist())


def _was_live(folded: ReducedChanges) -> Mask:
    """Whether a row's key had a row that was not deleted before it."""
    deleted_before = np.append(True, _deleted(folded.rows))[:-1]
    live: Mask = ~deleted_before & ~folded.starts
    return live


def _resolved(rows: pa.Table, starts: Mask, contract: Contract) -> pa.Table:
    """Values after each change: a delete leaves none, a partial update keeps those that it does not name."""
    deleted = _deleted(rows)
    given = _Given(rows) if contract.partial_updates else None
    for name in value_columns(contract):
        column = _one(rows[name])
        if given is None:
            after = pc.if_else(pa.array(deleted), pa.scalar(None, column.type), column)
        else:
            after = _carried(column, given.provides(name), starts, deleted)
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), after)
    return rows


def _carried(column: pa.Array, provides: Mask, starts: Mask, deleted: Mask) -> pa.Array:
    """Each row's value, or that of the last row of its key that provides one."""
    source = np.maximum.accumulate(np.where(provides | starts | deleted, np.arange(len(starts)), 0))
    nothing = deleted[source] | ~provides[source]
    return column.take(pa.array(source, mask=nothing))


class _Given:
    """Which rows provide which field: whole rows all of them, partial updates those that they name."""

    def __init__(self, rows: pa.Table) -> None:
        given = _one(rows["given"])
        self._whole = np.asarray(pc.is_null(given))
        self._names = pc.list_flatten(given)
        self._places = pc.list_parent_indices(given).to_numpy()

    def provides(self, name: str) -> Mask:
        mask = self._whole.copy()
        mask[self._places[np.asarray(pc.equal(self._names, name))]] = True
        return mask


def _same_values(rows: pa.Table, contract: Contract) -> Mask:
    return equals_previous_row(rows, value_columns(contract))


def equals_previous_row(rows: pa.Table, names: Sequence[str]) -> Mask:
    """Whether a row has the same values as the row before it; null equals null."""
    same = np.ones(rows.num_rows, bool)
    same[:1] = False
    for name in names:
        column = _one(rows[name])
        here, before = column.slice(1), column.slice(0, max(0, len(column) - 1))
        equal = pc.fill_null(pc.equal(here, before), False)
        both_null = pc.and_(pc.is_null(here), pc.is_null(before))
        same[1:] &= np.asarray(pc.or_(equal, both_null))
    return same


def _known_until(code: Numbers, origin: Numbers) -> Numbers:
    until = np.full(int(code.max()) + 1 if len(code) else 0, -1, np.int64)
    known = np.flatnonzero(origin == EXISTING)
    until[code[known]] = known  # places ascend, so the last one stays
    return until[code]


def _changes(*columns: Numbers) -> Mask:
    """Whether a row differs from the one before it in any of the columns; the first one does."""
    differs = np.zeros(len(columns[0]), bool)
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    differs[:1] = True
    return differs


def _deleted(rows: pa.Table) -> Mask:
    return np.asarray(_one(rows["_deleted"])).astype(bool)


def _ints(column: pa.Array | pa.ChunkedArray) -> Numbers:
    return _one(column).cast(pa.int64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
