"""History: the versions that a key's row has had (SCD type 2). Pure, over Arrow columns, without a Python step per row.

The state at a moment is that after the change with the greatest (sequence, change_id) among those whose event time is not
later. So, along event time, only changes that are greater than all before them show; each shows until the next one does.
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

from spark_jobs.schemas import TIMESTAMP, typed_columns
from spark_jobs.transforms.reduced_changes import equals_previous_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schema_registry.contract import Contract
    from spark_jobs.transforms.reduced_changes import Mask, Numbers, ReducedChanges

#: The end of a version that has not ended, and of one that begins no earlier than that. Whether one has ended, ``is_current`` says.
OPEN, LAST = datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_OPEN, _LAST = (pa.scalar(end, TIMESTAMP).cast(pa.int64()).as_py() for end in (OPEN, LAST))
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


@dataclass(frozen=True, slots=True)
class NewestVersions:
    """What history holds of each key whose first row is its current row: where its newest version begins, and its number.

    By key code; ``version`` is 0, and ``valid_from`` means nothing, for a key whose first row is its first change.
    """

    valid_from: Numbers
    version: Numbers


def build_versions(folded: ReducedChanges, before: NewestVersions, contract: Contract) -> pa.Table:
    """The versions of the folded keys, ordered by key and time.

    Columns: the entity's, ``valid_from``, ``valid_to`` (OPEN or LAST while it lasts), ``is_current``, ``version`` (from 1) and,
    last, ``code``, the key's number in ``folded``. A key whose first row is its current row goes on from what ``before`` says.
    """
    shown = _shown(folded)
    rows, code = folded.rows.take(pa.array(shown)).combine_chunks(), folded.code[shown]
    time, live = _micros(rows["_event_time"]), ~np.asarray(rows["_deleted"].combine_chunks()).astype(bool)
    first = _begins(code)
    same = live & _previous(live) & ~first & equals_previous_row(rows, contract.tracked)
    ends = live & ~_next(same)
    lasts = _next(first, at_end=True)[ends]
    own = code[ends]
    place = _places(own)
    goes_on = (before.version > 0) & _by_code(live[first], code[first], len(before.version))
    number = before.version[own] + place + np.where(goes_on[own], 0, 1)
    begun = np.where(goes_on[own] & (place == 0), before.valid_from[own], time[live & ~same])
    until = np.where(lasts, np.where(begun < _OPEN, _OPEN, _LAST), _next(time)[ends])
    added = {
        "valid_from": pa.array(begun).cast(TIMESTAMP),
        "valid_to": pa.array(until).cast(TIMESTAMP),
        "is_current": pa.array(lasts),
        "version": pa.array(number.astype(np.int32)),
        "code": pa.array(own),
    }
    made = rows.select([name for name, _ in typed_columns(contract)]).filter(pa.array(ends))
    return pa.table({**dict(zip(made.column_names, made.columns, strict=True)), **added})


def surrogate_keys(rows: pa.Table, key: Sequence[str], valid_from: pa.ChunkedArray) -> pa.Array:
    """A positive BIGINT for each version: a pure function of its key and beginning, so the same after a rebuild.

    Two of ten million versions share one with a probability of about 5 in a million (63 bits).
    """
    mixed = _mixed(_micros(valid_from).astype(np.uint64))
    for name in key:
        mixed = _mixed(mixed ^ _hashed(rows[name]))
    return pa.array((mixed & _POSITIVE).astype(np.int64))


def _hashed(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """64 bits of each value: integers are their own, everything else is hashed as text."""
    if pa.types.is_integer(column.type) and not column.null_count:
        return _mixed(column.to_numpy().astype(np.uint64))
    text = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(text, categorize=False), np.uint64)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection that spreads every bit over all."""
    mixed = numbers + np.uint64(0x9E37_79B9_7F4A_7C15)
    for shift, factor in ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _shown(folded: ReducedChanges) -> Numbers:
    """The places of the changes that show at some time, ordered by key and event time.

    A place is greater the greater its change is, and places of a later key are greater than all of an earlier one; so
    a change is greater than all before it where the running maximum of places is its own. Of those at one moment the last shows.
    """
    time = _micros(folded.rows["_event_time"])
    order = np.lexsort((np.arange(len(time)), time, folded.code))
    records = order[order == np.maximum.accumulate(order)] if len(order) else order
    code, moment = folded.code[records], time[records]
    overtaken = (code == _next(code, at_end=-1)) & (moment == _next(moment))
    shown: Numbers = records[~overtaken]
    return shown


def _begins(code: Numbers) -> Mask:
    """Whether a row is the first of its key."""
    begins: Mask = np.append(True, code[1:] != code[:-1])[: len(code)]
    return begins


def _places(code: Numbers) -> Numbers:
    """How many rows of the same key come before each."""
    at = np.arange(len(code))
    return at - np.maximum.accumulate(np.where(_begins(code), at, 0)) if len(code) else at


def _previous(column: Mask) -> Mask:
    """For each row the value of the row before it."""
    shifted: Mask = np.append(False, column)[: len(column)]
    return shifted


def _next(column: NDArray[Any], *, at_end: Any = 0) -> NDArray[Any]:
    """For each row the value of the row behind it."""
    return np.append(column[1:], at_end)[: len(column)].astype(column.dtype)


def _by_code(values: Mask, code: Numbers, size: int) -> Mask:
    spread = np.zeros(size, bool)
    spread[code] = values
    return spread


def _micros(column: pa.ChunkedArray) -> Numbers:
    micros: Numbers = column.cast(pa.int64()).to_numpy()
    return micros
