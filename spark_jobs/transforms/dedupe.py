"""Find the rows of a batch that are duplicates, and of what. Pure, over Arrow columns, without a Python step per row.

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

from spark_jobs.schemas import TIMESTAMP, to_micros
from spark_jobs.transforms.arrow_columns import NULL, as_mask, as_numbers, one_array

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from spark_jobs.transforms.arrow_columns import Mask, Numbers

LOCATOR_TYPE = pa.binary(16)
LOCATOR_DTYPE = np.dtype("S16")
#: What deduplication needs of an accepted row of history.
ACCEPTED_SCHEMA = pa.schema([("key", pa.string()), ("event_time", TIMESTAMP), ("row_id", pa.string())])


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The duplicates of a batch: each one's locator (see :func:`row_locators`) and the accepted row that it repeats."""

    locators: pa.Array
    first_row_ids: pa.Array

    def __len__(self) -> int:
        return len(self.locators)


@dataclass(frozen=True, slots=True)
class DuplicateIndex:
    """Duplicates sorted by locator, once, so that the batch's rows can be looked up some at a time."""

    locators: NDArray[np.bytes_]
    accepted: pa.Array

    @classmethod
    def from_duplicates(cls, duplicates: Duplicates) -> DuplicateIndex:
        """Sort the duplicates."""
        locators = _bytes(duplicates.locators)
        order = np.argsort(locators, kind="stable")
        return cls(locators[order], duplicates.first_row_ids.take(pa.array(order)))

    def first_row_ids(self, rows: pa.Table) -> pa.Array:
        """Return for each row (ingested_at, source_position) the id of the accepted row that it repeats, or null."""
        if not len(self.locators):
            return pa.nulls(rows.num_rows, pa.string())
        own = _bytes(row_locators(rows["ingested_at"], rows["source_position"]))
        place = np.minimum(np.searchsorted(self.locators, own), len(self.locators) - 1)
        return self.accepted.take(pa.array(place, mask=self.locators[place] != own))


def _bytes(locators: pa.Array) -> NDArray[np.bytes_]:
    """Return locators for numpy, in an order of their own. Zeros at the end, which numpy cuts, are cut of both sides."""
    whole = np.frombuffer(locators.buffers()[1] or b"", LOCATOR_DTYPE)
    return whole[locators.offset : locators.offset + len(locators)]


def row_locators(ingested_at: pa.Array, position: pa.Array) -> pa.Array:
    """Return each row's reading and position in 16 bytes. Unlike row_id this differs between two readings of one file."""
    return _pairs(as_numbers(ingested_at), as_numbers(position))


def find_duplicates(
    rows: pa.Table, accepted: pa.Table, watermark: datetime | None, *, refuse_late: bool, judged_before: pa.Array
) -> Duplicates:
    """Return the rows (columns ``judge.DEDUPE_COLUMNS`` and ``_late``) that repeat one of ``accepted``, or an earlier row.

    ``accepted``: rows of history (``ACCEPTED_SCHEMA``) that share a key with the batch. ``judged_before``: row ids of
    the batch that an earlier reading has judged: reading one again makes it a duplicate of itself, whatever it would be
    judged now, and it wins over no other.
    """
    order = np.lexsort((as_numbers(rows["source_position"]), as_numbers(rows["ingested_at"])))
    rows = rows.take(pa.array(order)).combine_chunks()
    valid, late = as_mask(rows["_valid"]), as_mask(rows["_late"])
    first = _accepted_before(rows, valid, late, accepted, watermark)
    accepts = valid & ~(late & refuse_late)
    again = _read_again(rows, accepts, judged_before)
    first = _with_repeats_in_batch(rows, first, accepts & ~again, late)
    first = pc.coalesce(first, pc.if_else(pa.array(again), one_array(rows["row_id"]), pa.scalar(None, pa.string())))
    found = pc.is_valid(first)
    repeated = rows.filter(found)
    return Duplicates(
        row_locators(repeated["ingested_at"], repeated["source_position"]), first.filter(found).cast(pa.string())
    )


def _accepted_before(
    rows: pa.Table, valid: Mask, late: Mask, accepted: pa.Table, watermark: datetime | None
) -> pa.Array:
    """Return the id of the accepted row of history that each valid row repeats, or null.

    By key and event time; or by key alone, where neither the row nor the accepted one is late.
    """
    if accepted.num_rows == 0:
        return pa.nulls(rows.num_rows, pa.string())
    accepted = accepted.sort_by([("event_time", "ascending"), ("row_id", "ascending")]).combine_chunks()
    keys = pc.unique(accepted["key"])
    code, known_code = _places(rows["_key"], keys), _places(accepted["key"], keys)
    time, known_time = as_numbers(rows["_event_time"]), as_numbers(accepted["event_time"])
    exact = pc.index_in(_pairs(code, time), _pairs(known_code, known_time))
    fresh = known_time >= _micros(watermark)
    by_key = pc.index_in(pa.array(code), pa.array(known_code[fresh]))
    by_key = pa.array(np.flatnonzero(fresh)).take(by_key)
    by_key = pc.if_else(pa.array(~late), by_key, pa.scalar(None, pa.int64()))
    found = pc.coalesce(exact.cast(pa.int64()), by_key)
    found = pc.if_else(pa.array(valid & (code >= 0)), found, pa.scalar(None, pa.int64()))
    return one_array(accepted["row_id"]).take(found)


def _with_repeats_in_batch(rows: pa.Table, first: pa.Array, may_win: Mask, late: Mask) -> pa.Array:
    """Add the rows that repeat an earlier row of the same batch; only keys that occur twice are looked at.

    Rows that are late are the same by key and event time, others by key alone.
    """
    code = one_array(rows["_key"]).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    undecided = may_win & (code >= 0) & np.asarray(pc.is_null(first))
    counts = np.bincount(code[undecided], minlength=1)
    places = np.flatnonzero(undecided)
    places = places[counts[code[places]] > 1]
    if not len(places):
        return first
    time = np.where(late[places], as_numbers(rows["_event_time"])[places], NULL)
    by_event = np.lexsort((places, time, code[places]))
    places, time, codes = places[by_event], time[by_event], code[places][by_event]
    same = np.zeros(len(places), bool)
    same[1:] = (codes[1:] == codes[:-1]) & (time[1:] == time[:-1])
    winner = places[np.maximum.accumulate(np.where(same, 0, np.arange(len(places))))]
    winners = np.full(rows.num_rows, -1, np.int64)
    winners[places[same]] = winner[same]
    index = pa.array(winners, mask=winners < 0)
    return pc.coalesce(first, one_array(rows["row_id"]).take(index))


def _read_again(rows: pa.Table, accepts: Mask, judged_before: pa.Array) -> Mask:
    """True for rows that were judged already, or were refused in an earlier reading within this batch.

    A second reading can be judged otherwise than the first: what was in the future then need not be so now.
    """
    row_ids = one_array(rows["row_id"])
    refused = np.flatnonzero(~accepts)
    encoded = row_ids.take(pa.array(refused)).dictionary_encode()
    first = refused[np.unique(encoded.indices.to_numpy(), return_index=True)[1]]
    code = pc.index_in(row_ids, encoded.dictionary).fill_null(len(first)).to_numpy()
    again: Mask = np.arange(rows.num_rows) > np.append(first, rows.num_rows)[code]
    return again | np.asarray(pc.is_in(row_ids, judged_before)) if len(judged_before) else again


def _places(keys: pa.ChunkedArray, known: pa.Array) -> Numbers:
    """Return each key's place among the known ones, -1 where it is none of them."""
    return pc.index_in(one_array(keys), known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)  # type: ignore[no-any-return]


def _pairs(a: Numbers, b: Numbers) -> pa.Array:
    """Return pairs of numbers as 16 bytes each."""
    pairs = np.ascontiguousarray(np.stack([a, b], axis=1))
    return pa.FixedSizeBinaryArray.from_buffers(LOCATOR_TYPE, len(pairs), [None, pa.py_buffer(pairs)])


def _micros(moment: datetime | None) -> int:
    return NULL if moment is None else to_micros(moment)
