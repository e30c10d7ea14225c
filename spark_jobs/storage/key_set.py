"""A set of keys that is looked for, compared with the bounds of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

#: The log may cut a time to the millisecond.
MILLISECOND = 1000
SIGN = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys to look for, each once, in the type of the columns ``by``, which ``schema`` describes."""

    keys: pa.Array
    by: tuple[str, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, keys: pa.Array, schema: pa.Schema, by: Sequence[str]) -> KeySet:
        """Make a set of keys as ``keys.key_array`` makes them of the columns ``by``."""
        fields = pa.schema([schema.field(name) for name in by])
        return cls(pc.unique(keys.cast(fields[0].type if len(by) == 1 else pa.string())), tuple(by), fields)

    def within(self, low: pa.Array, high: pa.Array) -> npt.NDArray[np.bool_]:
        """Return, for each file with these bounds of the key, whether one of the keys can be in it."""
        keys, lows, highs = (comparable(pc.drop_null(self.keys)), comparable(low), comparable(high))
        if self.keys.null_count or keys is None or lows is None or highs is None:
            return np.ones(len(low), np.bool_)
        keys = np.sort(keys)
        slack = MILLISECOND if pa.types.is_timestamp(high.type) else 0
        between = np.searchsorted(keys, highs + slack if slack else highs, "right") > np.searchsorted(
            keys, lows, "left"
        )
        return between | null_mask(low) | null_mask(high)


def comparable(values: pa.Array) -> npt.NDArray[Any] | None:
    """Return values in a form that numpy orders as Delta does, nulls as anything; None where the type has no such form."""
    type_ = values.type
    if pa.types.is_string(type_):
        return np.asarray(pc.fill_null(values, "").to_numpy(zero_copy_only=False))
    if pa.types.is_decimal128(type_):
        return _in_order_of_bytes(values)
    if pa.types.is_date32(type_):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(type_):
        values = values.cast(TIMESTAMP)
    elif not pa.types.is_signed_integer(type_):
        return None
    return np.asarray(pc.fill_null(values.cast(pa.int64()), 0).to_numpy())


def _in_order_of_bytes(values: pa.Array) -> npt.NDArray[Any]:
    """Return decimals of one type as 16 bytes each, in the order of their numbers: the greatest byte first, the sign flipped."""
    content = values.buffers()[1]
    if not len(values) or content is None:
        return np.zeros(len(values), "S16")
    halves = np.frombuffer(content, "<u8")[2 * values.offset : 2 * (values.offset + len(values))].reshape(-1, 2)
    ordered = np.empty(halves.shape, ">u8")
    ordered[:, 0], ordered[:, 1] = halves[:, 1] ^ SIGN, halves[:, 0]
    return ordered.view("S16").ravel()


def null_mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Return, for each value, whether it is null."""
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False))
