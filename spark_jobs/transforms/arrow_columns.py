"""Arrow columns as numpy arrays, for transforms that work on whole columns without a Python step per row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
#: The number that stands for null: less than any other.
NULL = int(np.iinfo(np.int64).min)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the column as one array, whatever its chunks."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def as_numbers(column: pa.Array | pa.ChunkedArray) -> Numbers:
    """Return integers, or times as epoch microseconds; NULL where the column is null."""
    numbers: Numbers = one_array(column).cast(pa.int64()).fill_null(NULL).to_numpy()
    return numbers


def as_mask(column: pa.Array | pa.ChunkedArray) -> Mask:
    """Return a boolean column without nulls."""
    return one_array(column).to_numpy(zero_copy_only=False).astype(bool)  # type: ignore[no-any-return]


def run_starts(*columns: Numbers) -> Mask:
    """True for a row that differs from the one before it in any of the columns, and for the first row."""
    starts = np.zeros(len(columns[0]), bool)
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    starts[:1] = True
    return starts


def key_codes(rows: pa.Table, key: Sequence[str]) -> Numbers:
    """Return a number from 0 on for each row, the same for rows with the same values in the columns ``key``; null equals null."""
    code = np.zeros(rows.num_rows, np.int64)
    for name in key:
        values = one_array(rows[name]).dictionary_encode(null_encoding="encode")
        code = code * max(1, len(values.dictionary)) + values.indices.to_numpy(zero_copy_only=False)
        code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    return code


def places_of_keys(rows: pa.Table, keys: pa.Table, key: Sequence[str]) -> Numbers:
    """Return for each row the place in ``keys`` of the row with its key (the last, if there are several), -1 if there is none."""
    both = pa.concat_tables([keys.select(list(key)), rows.select(list(key))])
    code = key_codes(both, key)
    place = np.full(int(code.max(initial=-1)) + 1, -1, np.int64)
    place[code[: keys.num_rows]] = np.arange(keys.num_rows)
    return place[code[keys.num_rows :]]


def has_key_of(rows: pa.Table, others: pa.Table, key: Sequence[str]) -> Mask:
    """True for a row whose key is that of one of the others."""
    if not others.num_rows or not rows.num_rows:
        return np.zeros(rows.num_rows, bool)
    return places_of_keys(rows, others, key) >= 0


def unique_keys(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return each key of the rows once (the key's columns), in no order."""
    return rows.select(list(key)).group_by(list(key)).aggregate([])
