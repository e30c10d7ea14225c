"""History: the versions that a key's row has had (SCD type 2). Pure, over Arrow columns, without a Python step per row.

The state at a moment is that after the change with the greatest (sequence, change_id) among those whose event time is not
later. So, along event time, only changes that are greater than all before them are visible; each until the next one is.
Neighbours that are equal in all tracked fields are one version, whose other fields are those of its last change. A delete
ends a version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spark_jobs.schemas import TIMESTAMP, to_micros, typed_columns
from spark_jobs.transforms.arrow_columns import as_mask, as_numbers, run_starts
from spark_jobs.transforms.reduced_changes import equals_previous_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schema_registry.contract import Contract
    from spark_jobs.transforms.arrow_columns import Mask, Numbers
    from spark_jobs.transforms.reduced_changes import ReducedChanges

#: ``valid_to`` of a version that has not ended; LAST of one that begins at OPEN or later. ``is_current`` says if it has ended.
OPEN, LAST = datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_OPEN, _LAST = (to_micros(end) for end in (OPEN, LAST))
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


@dataclass(frozen=True, slots=True)
class NewestVersions:
    """The newest version that history holds of each key, by key code: where it begins (epoch microseconds), and its number.

    ``version`` is 0, and ``valid_from`` means nothing, for a key without history or whose versions are all built again: its first
    row is its first change. The first row of any other key is its current row.
    """

    valid_from: Numbers
    version: Numbers


def build_versions(reduced: ReducedChanges, newest: NewestVersions, contract: Contract) -> pa.Table:
    """Return the versions of the keys, ordered by key and time.

    Columns: the entity's, ``valid_from``, ``valid_to`` (OPEN or LAST while it lasts), ``is_current``, ``version`` (from 1) and,
    last, ``code``, the key's code in ``reduced``. A key with a newest version goes on from that one.
    """
    visible = _visible_changes(reduced)
    rows, code = reduced.rows.take(pa.array(visible)).combine_chunks(), reduced.key_code[visible]
    time, live, is_first = as_numbers(rows["_event_time"]), ~as_mask(rows["_deleted"]), run_starts(code)
    # A version is a run of equal live rows: its last row gives its values, its first row its beginning.
    continues = live & _previous(live) & ~is_first & equals_previous_row(rows, contract.tracked)
    ends_version = live & ~_next(continues)
    is_current = _next(is_first, at_end=True)[ends_version]
    key = code[ends_version]
    place = _places_within(key)
    goes_on = (newest.version > 0) & _by_code(live[is_first], code[is_first], len(newest.version))
    number = newest.version[key] + place + np.where(goes_on[key], 0, 1)
    begin = np.where(goes_on[key] & (place == 0), newest.valid_from[key], time[live & ~continues])
    end = np.where(is_current, np.where(begin < _OPEN, _OPEN, _LAST), _next(time)[ends_version])
    added = {
        "valid_from": pa.array(begin).cast(TIMESTAMP),
        "valid_to": pa.array(end).cast(TIMESTAMP),
        "is_current": pa.array(is_current),
        "version": pa.array(number.astype(np.int32)),
        "code": pa.array(key),
    }
    values = rows.select([name for name, _ in typed_columns(contract)]).filter(pa.array(ends_version))
    return pa.table({**dict(zip(values.column_names, values.columns, strict=True)), **added})


def surrogate_keys(rows: pa.Table, key: Sequence[str], valid_from: pa.ChunkedArray) -> pa.Array:
    """Return a positive BIGINT for each version: a pure function of its key and beginning, so the same after a rebuild.

    Two of ten million versions share one with a probability of about 5 in a million (63 bits).
    """
    mixed = _mixed(as_numbers(valid_from).astype(np.uint64))
    for name in key:
        mixed = _mixed(mixed ^ _hashed(rows[name]))
    return pa.array((mixed & _POSITIVE).astype(np.int64))


def _hashed(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return 64 bits of each value: of the integer itself, of everything else by its text."""
    if pa.types.is_integer(column.type) and not column.null_count:
        return _mixed(column.to_numpy().astype(np.uint64))
    text = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(text, categorize=False), np.uint64)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply SplitMix64's finaliser: a bijection that spreads every bit over all."""
    mixed = numbers + np.uint64(0x9E37_79B9_7F4A_7C15)
    for shift, factor in ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _visible_changes(reduced: ReducedChanges) -> Numbers:
    """Return the places of the changes that are visible at some time, ordered by key and event time.

    A place is greater the greater its change is, and places of a later key are greater than all of an earlier one; so
    a change is greater than all before it where the running maximum of places is its own. Of those at one moment the last is
    visible.
    """
    time = as_numbers(reduced.rows["_event_time"])
    order = np.lexsort((np.arange(len(time)), time, reduced.key_code))
    records = order[order == np.maximum.accumulate(order)] if len(order) else order
    code, moment = reduced.key_code[records], time[records]
    overtaken = (code == _next(code, at_end=-1)) & (moment == _next(moment))
    visible: Numbers = records[~overtaken]
    return visible


def _places_within(code: Numbers) -> Numbers:
    """Return how many rows of the same key come before each."""
    at = np.arange(len(code))
    return at - np.maximum.accumulate(np.where(run_starts(code), at, 0)) if len(code) else at


def _previous(column: Mask) -> Mask:
    """Return for each row the value of the row before it."""
    shifted: Mask = np.append(False, column)[: len(column)]
    return shifted


def _next(column: NDArray[Any], *, at_end: Any = 0) -> NDArray[Any]:
    """Return for each row the value of the row behind it."""
    return np.append(column[1:], at_end)[: len(column)].astype(column.dtype)


def _by_code(values: Mask, code: Numbers, size: int) -> Mask:
    spread = np.zeros(size, bool)
    spread[code] = values
    return spread
