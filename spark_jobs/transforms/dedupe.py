"""Which rows of a batch are duplicates, and of what. Pure, over Arrow columns, without a Python step per row.

Two rows are the same event if they have the same key and event time, whatever their age, or the same key alone while
both are newer than the watermark. The first by (ingested_at, source_position) wins; ingested_at differs for every
reading of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

LOCATOR_TYPE = pa.binary(16)
LOCATOR_DTYPE = np.dtype("S16")
ACCEPTED_SCHEMA = pa.schema([("key", pa.string()), ("event_time", TIMESTAMP), ("row_id", pa.string())])


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The duplicates of a batch: each one's seat (see :func:`row_locators`) and the accepted row it repeats."""

    locators: pa.Array
    first_row_ids: pa.Array

    def __len__(self) -> int:
        return len(self.locators)


@dataclass(frozen=True, slots=True)
class DuplicateIndex:
    """Repeats in the order of their seats, made once: rows are looked up batch by batch."""

    locators: NDArray[np.bytes_]
    accepted: pa.Array

    @classmethod
    def from_duplicates(cls, duplicates: Duplicates) -> DuplicateIndex:
        """The same repeats, in order."""
        places = _bytes(duplicates.locators)
        order = np.argsort(places, kind="stable")
        return cls(places[order], duplicates.first_row_ids.take(pa.array(order)))

    def first_row_ids(self, rows: pa.Table) -> pa.Array:
        """For each row the accepted row it repeats, or null."""
        if not len(self.locators):
            return pa.nulls(rows.num_rows, pa.string())
        own = _bytes(row_locators(rows["ingested_at"], rows["source_position"]))
        place = np.minimum(np.searchsorted(self.locators, own), len(self.locators) - 1)
        return self.accepted.take(pa.array(place, mask=self.locators[place] != own))


def _bytes(locators: pa.Array) -> NDArray[np.bytes_]:
    """Seats for numpy, in an order of their own. What it cuts, zeros at the end, it cuts of both that it compares."""
    held = np.frombuffer(locators.buffers()[1] or b"", LOCATOR_DTYPE)
    return held[locators.offset : locators.offset + len(locators)]


def row_locators(ingested_at: pa.Array, position: pa.Array) -> pa.Array:
    """A row's seat: reading and position in 16 bytes. Unlike row_id it differs between two readings of one file."""
    return _pack(_ints(ingested_at), _ints(position))


def find_duplicates(
    narrow: pa.Table, accepted: pa.Table, watermark: datetime | None, *, refuse_late: bool, judged_before: pa.Array
) -> Duplicates:
    """The rows of ``narrow`` (columns ``judge.DEDUPE_COLUMNS``) that repeat one of ``accepted``, or an earlier row of theirs.

    ``accepted``: rows of history (``ACCEPTED_SCHEMA``) that share a key with the batch. ``judged_before``: row ids of
    the batch that an earlier reading has judged: reading one again makes it a duplicate of itself, whatever it would be
    judged now, and it wins over no other.
    """
    order = np.lexsort((_ints(narrow["source_position"]), _ints(narrow["ingested_at"])))
    rows = narrow.take(pa.array(order)).combine_chunks()
    valid = rows["_valid"].to_numpy(zero_copy_only=False).astype(bool)
    late = rows["_late"].to_numpy(zero_copy_only=False).astype(bool)
    first = _in_history(rows, valid, late, accepted, watermark)
    accepts = valid & ~(late & refuse_late)
    again = _judged_before(rows, accepts, judged_before)
    first = _in_batch(rows, first, accepts & ~again, late)
    first = pc.coalesce(first, pc.if_else(pa.array(again), _one(rows["row_id"]), pa.scalar(None, pa.string())))
    found = pc.is_valid(first)
    repeated = rows.filter(found)
    return Duplicates(
        row_locators(_one(repeated["ingested_at"]), _one(repeated["source_position"])),
        first.filter(found).cast(pa.string()),
    )


def _in_history(
    rows: pa.Table, valid: NDArray[np.bool_], late: NDArray[np.bool_], accepted: pa.Table, watermark: datetime | None
) -> pa.Array:
    """The accepted row of history that each valid row repeats, by key and time, or by key among what is not late."""
    if accepted.num_rows == 0:
        return pa.nulls(rows.num_rows, pa.string())
    accepted = accepted.sort_by([("event_time", "ascending"), ("row_id", "ascending")]).combine_chunks()
    keys = pc.unique(accepted["key"])
    code, known_code = _codes(rows["_key"], keys), _codes(accepted["key"], keys)
    time, known_time = _ints(rows["_event_time"]), _ints(accepted["event_time"])
    exact = pc.index_in(_pack(code, time), _pack(known_code, known_time))
    fresh = known_time >= _micros(watermark)
    by_key = pc.index_in(pa.array(code), pa.array(known_code[fresh]))
    by_key = pa.array(np.flatnonzero(fresh)).take(by_key)
    by_key = pc.if_else(pa.array(~late), by_key, pa.scalar(None, pa.int64()))
    found = pc.coalesce(exact.cast(pa.int64()), by_key)
    found = pc.if_else(pa.array(valid & (code >= 0)), found, pa.scalar(None, pa.int64()))
    return _one(accepted["row_id"]).take(found)


def _in_batch(rows: pa.Table, first: pa.Array, may_win: NDArray[np.bool_], late: NDArray[np.bool_]) -> pa.Array:
    """Add what an earlier row of the same batch makes a duplicate; only keys that occur twice are looked at."""
    code = _one(rows["_key"]).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    open_ = may_win & (code >= 0) & np.asarray(pc.is_null(first))
    counts = np.bincount(code[open_], minlength=1)
    places = np.flatnonzero(open_)
    places = places[counts[code[places]] > 1]
    if not len(places):
        return first
    time = np.where(late[places], _ints(rows["_event_time"])[places], np.iinfo(np.int64).min)
    by_class = np.lexsort((places, time, code[places]))
    places, time, codes = places[by_class], time[by_class], code[places][by_class]
    same = np.zeros(len(places), bool)
    same[1:] = (codes[1:] == codes[:-1]) & (time[1:] == time[:-1])
    leader = places[np.maximum.accumulate(np.where(same, 0, np.arange(len(places))))]
    winners = np.full(rows.num_rows, -1, np.int64)
    winners[places[same]] = leader[same]
    index = pa.array(winners, mask=winners < 0)
    return pc.coalesce(first, _one(rows["row_id"]).take(index))


def _judged_before(rows: pa.Table, accepts: NDArray[np.bool_], judged_before: pa.Array) -> NDArray[np.bool_]:
    """The rows that were judged already, or were refused in an earlier reading within this batch.

    A second reading can be judged otherwise than the first: what was in the future then need not be so now.
    """
    row_ids = _one(rows["row_id"])
    refused = np.flatnonzero(~accepts)
    encoded = row_ids.take(pa.array(refused)).dictionary_encode()
    first = refused[np.unique(encoded.indices.to_numpy(), return_index=True)[1]]
    code = pc.index_in(row_ids, encoded.dictionary).fill_null(len(first)).to_numpy()
    again: NDArray[np.bool_] = np.arange(rows.num_rows) > np.append(first, rows.num_rows)[code]
    return again | np.asarray(pc.is_in(row_ids, judged_before)) if len(judged_before) else again


def _codes(keys: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    return pc.index_in(_one(keys), known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)  # type: ignore[no-any-return]


def _pack(a: NDArray[np.int64], b: NDArray[np.int64]) -> pa.Array:
    pairs = np.ascontiguousarray(np.stack([a, b], axis=1))
    return pa.FixedSizeBinaryArray.from_buffers(LOCATOR_TYPE, len(pairs), [None, pa.py_buffer(pairs)])


def _ints(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    plain: NDArray[np.int64] = _one(column).cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    return plain


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _micros(moment: datetime | None) -> int:
    return np.iinfo(np.int64).min if moment is None else pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py()
