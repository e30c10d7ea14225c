"""Truncates as what they are to each key: a delete. Pure, over Arrow columns, without a Python step per row.

Between two changes of a key all truncates come to the same, a key that is not there. Three of them say all of it: the first, which
found the row that it deleted; the earliest by event time, since when it was gone; the last, to which the key has come. So there
are at most three deletes for each change and each key, however many truncates there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from spark_jobs.transforms.reduced_changes import change_order, key_codes

if TYPE_CHECKING:
    from schema_registry.contract import Contract
    from spark_jobs.transforms.reduced_changes import Numbers


def truncates_as_deletes(truncates: pa.Table, keys: pa.Table, rows: pa.Table, contract: Contract) -> pa.Table:
    """What the truncates do to each of the keys (columns: the key's, each key once), in no order.

    ``rows``: the changes and current rows that the keys are folded with, and as many of other keys as there are; like the
    truncates they have the columns of ``entity_row_schema``.
    """
    if not truncates.num_rows or not keys.num_rows:
        return truncates.slice(0, 0)
    truncates = truncates.take(pa.array(change_order(truncates, np.zeros(truncates.num_rows, np.int64))))
    whose, which = _needed(truncates, _places(keys, rows, contract), _below(truncates, rows), keys.num_rows)
    made, of_key = truncates.take(pa.array(which)), keys.take(pa.array(whose))
    for name in contract.key:
        made = made.set_column(made.schema.get_field_index(name), made.schema.field(name), of_key[name])
    return made


def _places(keys: pa.Table, rows: pa.Table, contract: Contract) -> Numbers:
    """Which of the keys each row has, -1 where none."""
    key = list(contract.key)
    code = key_codes(pa.concat_tables([keys.select(key), rows.select(key)]), key)
    place = np.full(int(code.max()) + 1, -1, np.int64)
    place[code[: keys.num_rows]] = np.arange(keys.num_rows)
    return place[code[keys.num_rows :]]


def _below(truncates: pa.Table, rows: pa.Table) -> Numbers:
    """How many of the ordered truncates come before each row. Texts are compared only where sequences are equal."""
    theirs, own = _sequences(truncates), _sequences(rows)
    below = np.searchsorted(theirs, own, "left").astype(np.int64)
    tied = np.flatnonzero(np.searchsorted(theirs, own, "right") > below)
    if len(tied):
        names, many = ["_sequence", "_change_id"], truncates.num_rows
        both = pa.concat_tables([truncates.select(names), rows.select(names).take(pa.array(tied))])
        order = change_order(both, np.zeros(both.num_rows, np.int64))
        before = np.cumsum(order < many)
        below[tied[order[order >= many] - many]] = before[order >= many]
    return below


def _needed(truncates: pa.Table, place: Numbers, below: Numbers, keys: int) -> tuple[Numbers, Numbers]:
    """Pairs of a key and a truncate: the first, the earliest and the last in each stretch between two rows of the key."""
    many = truncates.num_rows
    each, own = np.arange(keys), place >= 0
    ends = np.concatenate([place[own] * (many + 1) + below[own], each * (many + 1), each * (many + 1) + many])
    whose, bound = np.divmod(np.unique(ends), many + 1)
    stretch = whose[1:] == whose[:-1]
    key, start, end = whose[1:][stretch], bound[:-1][stretch], bound[1:][stretch]
    picked = np.concatenate([start, _earliest(_times(truncates), start, end), end - 1])
    return np.divmod(np.unique(np.tile(key, 3) * many + picked), many)


def _earliest(times: Numbers, start: Numbers, end: Numbers) -> Numbers:
    """The place of the least time within each stretch: the lesser of the least in two spans of a power of two that cover it."""
    found, power = np.empty_like(start), np.log2(end - start).astype(np.int64)
    least = np.arange(len(times))
    for exponent in range(int(power.max(initial=0)) + 1):
        mine, width = power == exponent, 1 << exponent
        found[mine] = _lesser(times, least[start[mine]], least[end[mine] - width])
        least = _lesser(times, least[:-width], least[width:])
    return found


def _lesser(times: Numbers, one: Numbers, other: Numbers) -> Numbers:
    return np.where(times[other] < times[one], other, one)


def _sequences(rows: pa.Table) -> Numbers:
    return rows["_sequence"].cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]


def _times(rows: pa.Table) -> Numbers:
    return rows["_event_time"].cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]
