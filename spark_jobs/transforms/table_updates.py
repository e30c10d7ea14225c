"""Apply a batch of changes to the existing rows of its keys: the rows and versions to write, and what each change did.

Pure, over Arrow tables. In two steps, as only the first can tell what else must be read: ``late_keys.find_late_keys`` names the
keys whose earlier changes are needed, :func:`compute_updates` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.arrow_columns import as_numbers, has_key_of, places_of_keys, unique_keys
from spark_jobs.transforms.change_batch import with_deletes
from spark_jobs.transforms.reduced_changes import (
    EXISTING,
    FROM_TRUNCATE,
    NEW,
    ReducedChanges,
    count_effects,
    effective_truncates,
    reduce_changes,
)
from spark_jobs.transforms.scd2 import NewestVersions, build_versions, surrogate_keys
from spark_jobs.transforms.truncates import truncates_as_deletes

if TYPE_CHECKING:
    from schema_registry.contract import Contract
    from spark_jobs.transforms.arrow_columns import Mask, Numbers
    from spark_jobs.transforms.change_batch import ChangeBatch, ExistingRows


@dataclass(frozen=True, slots=True)
class TableUpdates:
    """Rows of the current table and of history (None without) that replace those of the same keys.

    ``deleted_keys``: surrogate keys of versions that no longer exist. ``effects``: how many changes did what; they sum to the
    changes.
    """

    current: pa.Table
    history: pa.Table | None
    deleted_keys: pa.Array
    effects: dict[str, int]


def compute_updates(
    batch: ChangeBatch, existing: ExistingRows, late_keys: pa.Table, contract: Contract
) -> TableUpdates:
    """Apply the batch to what the lake holds. ``late_keys``: the keys whose earlier changes are in ``existing.log``."""
    reduced = _reduce(batch, existing, late_keys, contract)
    keys = _Keys.of(reduced, existing.current, late_keys, contract)
    written = reduced.is_last & ((reduced.origin != EXISTING) | ~keys.had_row[reduced.key_code])
    if contract.partial_updates:
        written |= reduced.is_last & keys.is_late[reduced.key_code]
    current = reduced.rows.filter(pa.array(written))
    effects = _effects(batch, existing, reduced, contract)
    if existing.versions is None:
        return TableUpdates(current, None, pa.array([], pa.int64()), effects)
    history, deleted_keys = _history(reduced, keys, existing.versions, contract)
    return TableUpdates(current, history, deleted_keys, effects)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of a batch by key code: their values, whether they are late, and whether the lake had a row of them."""

    values: pa.Table
    is_late: Mask
    had_row: Mask

    @classmethod
    def of(cls, reduced: ReducedChanges, current: pa.Table, late_keys: pa.Table, contract: Contract) -> _Keys:
        values = reduced.rows.filter(pa.array(reduced.is_first)).select(list(contract.key))
        return cls(values, has_key_of(values, late_keys, contract.key), has_key_of(values, current, contract.key))


def _reduce(batch: ChangeBatch, existing: ExistingRows, late_keys: pa.Table, contract: Contract) -> ReducedChanges:
    """Reduce the batch with the current rows of keys that are not late, and with all earlier changes of those that are.

    Late keys, and keys that the lake has no row of, also get the deletes of earlier truncates.
    """
    key = contract.key
    not_late = existing.current.filter(pa.array(~has_key_of(existing.current, late_keys, key)))
    new_keys = unique_keys(batch.changes, key)
    new_keys = new_keys.filter(pa.array(~has_key_of(new_keys, existing.current, key)))
    changes = pa.concat_tables([existing.log, batch.changes])
    earlier = truncates_as_deletes(existing.truncates, pa.concat_tables([late_keys, new_keys]), changes, contract)
    before = pa.concat_tables([not_late, existing.log, earlier])
    new = with_deletes(batch, existing, contract)
    counts = [before.num_rows, batch.changes.num_rows, new.num_rows - batch.changes.num_rows]
    return reduce_changes(pa.concat_tables([before, new]), np.repeat([EXISTING, NEW, FROM_TRUNCATE], counts), contract)


def _effects(batch: ChangeBatch, existing: ExistingRows, reduced: ReducedChanges, contract: Contract) -> dict[str, int]:
    """Return how many changes did what. A truncate: deleted, unchanged where no key had a row, or superseded by a newer one."""
    counts = count_effects(reduced, contract)
    if not batch.truncates.num_rows:
        return counts
    greatest, effective = max(_orders(existing.truncates), default=None), effective_truncates(reduced)
    for order in _orders(batch.truncates):
        if greatest is not None and order < greatest:
            counts["superseded"] += 1
        else:
            counts["deleted" if order[1].decode() in effective else "unchanged"] += 1
    return counts


def _orders(truncates: pa.Table) -> list[tuple[int, bytes]]:
    """Return what orders each truncate: its sequence, then its change_id as UTF-8."""
    ids = [text.encode() for text in truncates["_change_id"].to_pylist()]
    return list(zip(truncates["_sequence"].to_pylist(), ids, strict=True))


def _history(reduced: ReducedChanges, keys: _Keys, existing: pa.Table, contract: Contract) -> tuple[pa.Table, pa.Array]:
    """Return the versions that replace those of the same surrogate keys, and the surrogate keys of those that no longer exist.

    A late key gets all its versions anew.
    """
    surrogate = f"{contract.entity}_key"
    key_of_version = places_of_keys(existing, keys.values, contract.key)
    made = build_versions(reduced, _newest_versions(existing, key_of_version, keys.is_late), contract)
    made = made.filter(pa.array(_changed(reduced, keys)[made["code"].to_numpy()])).drop_columns(["code"])
    made = made.add_column(0, surrogate, surrogate_keys(made, contract.key, made["valid_from"]))
    of_late = existing[surrogate].filter(pa.array(keys.is_late[key_of_version])).combine_chunks()
    return made, of_late.filter(pc.invert(pc.is_in(of_late, made[surrogate].combine_chunks())))


def _changed(reduced: ReducedChanges, keys: _Keys) -> Mask:
    """True for a key, by key code, whose history the batch may change: it is late or new, or has a change that is not late."""
    changed: Mask = keys.is_late | ~keys.had_row
    changed[reduced.key_code[(reduced.origin != EXISTING) & ~reduced.is_late]] = True
    return changed


def _newest_versions(existing: pa.Table, key_of_version: Numbers, is_late: Mask) -> NewestVersions:
    """Return the newest version of each key that is not late."""
    number = existing["version"].to_numpy()
    order = np.lexsort((number, key_of_version))  # the greatest number of a key comes last and stays
    begin = np.zeros(len(is_late), np.int64)
    newest = np.zeros(len(is_late), np.int64)
    begin[key_of_version[order]] = as_numbers(existing["valid_from"])[order]
    newest[key_of_version[order]] = number[order]
    return NewestVersions(begin, np.where(is_late, 0, newest))
