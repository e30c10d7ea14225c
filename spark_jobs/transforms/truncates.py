"""Truncates as what they are to each key: a delete. Pure, over Arrow columns, without a Python step per row.

Between two changes of a key all truncates come to the same, a key that is not there. Three of them say all of it: the first, which
found the row that it deleted; the earliest by event time, since when it was gone; the last, which is the key's newest change. So
there are at most three deletes for each change and each key, however many truncates there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from spark_jobs.transforms.arrow_columns import as_numbers, places_of_keys
from spark_jobs.transforms.reduced_changes import change_order

if TYPE_CHECKING:
    from schema_registry.contract import Contract
    from spark_jobs.transforms.arrow_columns import Numbers


def truncates_as_deletes(truncates: pa.Table, keys: pa.Table, rows: pa.Table, contract: Contract) -> pa.Table:
    """Return the deletes that the truncates come to for each of the keys (columns: the key's, each key once), in no order.

    ``rows``: the changes and current rows that the keys are reduced with; rows of other keys do no harm. Truncates, rows and
    deletes have the columns of ``entity_row_schema``.
    """
    if not truncates.num_rows or not keys.num_rows:
        return truncates.slice(0, 0)
    truncates = truncates.take(pa.array(_order(truncates)))
    key_of_row = places_of_keys(rows, keys, contract.key)
    key_places, truncate_places = _needed(truncates, key_of_row, _count_before(truncates, rows), keys.num_rows)
    deletes, of_key = truncates.take(pa.array(truncate_places)), keys.take(pa.array(key_places))
    for name in contract.key:
        deletes = deletes.set_column(deletes.schema.get_field_index(name), deletes.schema.field(name), of_key[name])
    return deletes


def _order(rows: pa.Table) -> Numbers:
    """Return the places of the rows by sequence and change_id, whatever their keys."""
    return change_order(rows, np.zeros(rows.num_rows, np.int64))


def _count_before(truncates: pa.Table, rows: pa.Table) -> Numbers:
    """Return how many of the ordered truncates come before each row. Texts are compared only where sequences are equal."""
    theirs, own = as_numbers(truncates["_sequence"]), as_numbers(rows["_sequence"])
    count = np.searchsorted(theirs, own, "left").astype(np.int64)
    tied = np.flatnonzero(np.searchsorted(theirs, own, "right") > count)
    if len(tied):
        names, many = ["_sequence", "_change_id"], truncates.num_rows
        order = _order(pa.concat_tables([truncates.select(names), rows.select(names).take(pa.array(tied))]))
        before = np.cumsum(order < many)
        count[tied[order[order >= many] - many]] = before[order >= many]
    return count


def _needed(truncates: pa.Table, key_of_row: Numbers, before: Numbers, keys: int) -> tuple[Numbers, Numbers]:
    """Return pairs of places (key, truncate): the first, the earliest and the last in each stretch between two rows of a key.

    ``key_of_row``: the place of each row's key, -1 where it is none of them; ``before``: how many truncates come before the row.
    """
    many = truncates.num_rows
    each, own = np.arange(keys), key_of_row >= 0
    bounds = [key_of_row[own] * (many + 1) + before[own], each * (many + 1), each * (many + 1) + many]
    key, bound = np.divmod(np.unique(np.concatenate(bounds)), many + 1)
    same_key = key[1:] == key[:-1]
    key, start, end = key[1:][same_key], bound[:-1][same_key], bound[1:][same_key]
    picked = np.concatenate([start, _earliest(as_numbers(truncates["_event_time"]), start, end), end - 1])
    return np.divmod(np.unique(np.tile(key, 3) * many + picked), many)


def _earliest(times: Numbers, start: Numbers, end: Numbers) -> Numbers:
    """Return the place of the least time within each stretch.

    It is the lesser of the least in two spans of a power of two that cover the stretch.
    """
    found, power = np.empty_like(start), np.log2(end - start).astype(np.int64)
    least = np.arange(len(times))
    for exponent in range(int(power.max(initial=0)) + 1):
        mine, width = power == exponent, 1 << exponent
        found[mine] = _lesser(times, least[start[mine]], least[end[mine] - width])
        least = _lesser(times, least[:-width], least[width:])
    return found


def _lesser(times: Numbers, one: Numbers, other: Numbers) -> Numbers:
    return np.where(times[other] < times[one], other, one)
