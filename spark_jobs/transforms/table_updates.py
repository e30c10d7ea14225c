"""A batch of changes against the existing rows of its keys: the rows and versions to write, and what each change did.

Pure, over Arrow tables. In two steps, as only the first can tell what else must be read: :func:`find_late_keys` names the keys
whose earlier changes are needed, :func:`compute_updates` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.entity_rows import TRUNCATE, rows_from_changes
from spark_jobs.transforms.reduced_changes import (
    EXISTING,
    FROM_TRUNCATE,
    NEW,
    ReducedChanges,
    count_effects,
    effective_truncates,
    key_codes,
    reduce_changes,
)
from spark_jobs.transforms.scd2 import NewestVersions, build_versions, surrogate_keys
from spark_jobs.transforms.truncates import truncates_as_deletes

if TYPE_CHECKING:
    from schema_registry.contract import Contract
    from spark_jobs.transforms.reduced_changes import Mask, Numbers


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """A batch's accepted changes (columns of ``entity_row_schema``): of keys, and truncates, which are of all keys."""

    changes: pa.Table
    truncates: pa.Table

    @classmethod
    def from_log(cls, log: pa.Table, contract: Contract) -> ChangeBatch:
        """Of rows of the change log (columns of ``lake.changes``). A truncate is told by its op alone, whatever its key."""
        truncates = pc.fill_null(pc.equal(log["op"], TRUNCATE), False)
        changes = log.filter(pc.invert(truncates))
        return cls(rows_from_changes(changes, contract), rows_from_changes(log.filter(truncates), contract))


@dataclass(frozen=True, slots=True)
class ExistingRows:
    """What the lake holds of the batch's keys.

    ``current``: their rows; ``log``: all earlier changes of the late ones; both as ``entity_row_schema``. ``truncates``: all
    earlier ones. ``versions``: the keys' history (its surrogate key, the key, valid_from, version, is_current); None without.
    """

    current: pa.Table
    log: pa.Table
    truncates: pa.Table
    versions: pa.Table | None


@dataclass(frozen=True, slots=True)
class TableUpdates:
    """What becomes of the batch: rows of the current table and of history that replace those of the same keys.

    ``deleted_keys``: surrogate keys of versions that no longer exist. ``effects``: how many changes did what; they sum to the
    changes.
    """

    current: pa.Table
    history: pa.Table | None
    deleted_keys: pa.Array
    effects: dict[str, int]


def find_late_keys(incoming: ChangeBatch, held: ExistingRows, contract: Contract) -> pa.Table:
    """The keys (columns: the key's) whose row or history cannot be told from their current row and this batch alone.

    Where updates are partial: a change is older than the row. Where there is history: a change changes the past, or history lacks
    the version that the row is in.
    """
    rows = pa.concat_tables([held.current, _with_implied(incoming, held, contract)])
    code = key_codes(rows, contract.key)
    known = held.current.num_rows
    own = _by_code(code[:known], int(code.max(initial=-1)) + 1)
    row_of = own[code[known:]]
    late = np.zeros(rows.num_rows, bool)
    late[known:] = (row_of >= 0) & _reaches_back(rows, known, row_of, contract)
    if held.versions is not None:
        late[:known] |= _is_missing(held, contract)
    return rows.select(list(contract.key)).filter(pa.array(late)).group_by(list(contract.key)).aggregate([])


def _reaches_back(rows: pa.Table, known: int, row_of: Numbers, contract: Contract) -> Mask:
    """Whether a change (from place ``known`` on) can show at a time before its key's current row, or below it."""
    safe = pa.array(np.maximum(row_of, 0))
    new = rows.slice(known)
    current = rows.slice(0, known).take(safe) if known else new
    same_sequence = pc.equal(new["_sequence"], current["_sequence"])
    older = pc.or_(
        pc.less(new["_sequence"], current["_sequence"]),
        pc.and_(same_sequence, pc.less(new["_change_id"], current["_change_id"])),
    )
    reaches = pc.and_(older, contract.partial_updates)
    if contract.tracked:
        before = pc.less(new["_event_time"], current["_event_time"])
        at_once = pc.equal(new["_event_time"], current["_event_time"])
        reaches = pc.or_(reaches, pc.or_(before, pc.and_(at_once, pc.invert(older))))
    return np.asarray(reaches).astype(bool)


def _is_missing(held: ExistingRows, contract: Contract) -> Mask:
    """Whether a current row that is not deleted lies in no open version."""
    assert held.versions is not None
    key = list(contract.key)
    is_open = held.versions.filter(held.versions["is_current"]).select(key)
    both = pa.concat_tables([is_open, held.current.select(key)])
    code = key_codes(both, contract.key)
    missing: Mask = ~np.isin(code[is_open.num_rows :], code[: is_open.num_rows])
    missing &= ~np.asarray(held.current["_deleted"]).astype(bool)
    return missing


def compute_updates(incoming: ChangeBatch, held: ExistingRows, late: pa.Table, contract: Contract) -> TableUpdates:
    """Fold the batch into what the lake holds. ``late``: the keys whose earlier changes are in ``held.log``."""
    folded, is_late, has_row = _folded(incoming, held, late, contract)
    written = folded.lasts & ((folded.origin != EXISTING) | ~has_row[folded.code])
    if contract.partial_updates:
        written |= folded.lasts & is_late[folded.code]
    current = folded.rows.filter(pa.array(written))
    told = _effects(incoming, held, folded, contract)
    if held.versions is None:
        return TableUpdates(current, None, pa.array([], pa.int64()), told)
    history, gone = _history(folded, is_late, _touched(folded, is_late, has_row), held.versions, contract)
    return TableUpdates(current, history, gone, told)


def _folded(
    incoming: ChangeBatch, held: ExistingRows, late: pa.Table, contract: Contract
) -> tuple[ReducedChanges, Mask, Mask]:
    """The folded rows, and by key code whether a key is late, and whether the lake has a row of it."""
    key = list(contract.key)
    in_time = held.current.filter(pa.array(~_is_among(held.current, late, contract)))
    fresh = _new_keys(incoming, held, contract)
    rows = pa.concat_tables([held.log, incoming.changes])
    implied_before = truncates_as_deletes(held.truncates, pa.concat_tables([late, fresh]), rows, contract)
    known = pa.concat_tables([in_time, held.log, implied_before])
    new = _with_implied(incoming, held, contract)
    origin = np.repeat(
        [EXISTING, NEW, FROM_TRUNCATE],
        [known.num_rows, incoming.changes.num_rows, new.num_rows - incoming.changes.num_rows],
    )
    folded = reduce_changes(pa.concat_tables([known, new]), origin, contract)
    keys = folded.rows.filter(pa.array(folded.starts)).select(key)
    return folded, _is_among(keys, late, contract), _is_among(keys, held.current.select(key), contract)


def _with_implied(incoming: ChangeBatch, held: ExistingRows, contract: Contract) -> pa.Table:
    """The batch's changes, and what its truncates do to every key that there is."""
    if not incoming.truncates.num_rows:
        return incoming.changes
    key = list(contract.key)
    everyone = pa.concat_tables([held.current.select(key), incoming.changes.select(key)]).group_by(key).aggregate([])
    rows = pa.concat_tables([held.current, held.log, incoming.changes])
    return pa.concat_tables([incoming.changes, truncates_as_deletes(incoming.truncates, everyone, rows, contract)])


def _new_keys(incoming: ChangeBatch, held: ExistingRows, contract: Contract) -> pa.Table:
    keys = incoming.changes.select(list(contract.key)).group_by(list(contract.key)).aggregate([])
    return keys.filter(pa.array(~_is_among(keys, held.current, contract)))


def _is_among(rows: pa.Table, others: pa.Table, contract: Contract) -> Mask:
    """Whether a row's key is that of one of the others."""
    if not others.num_rows or not rows.num_rows:
        return np.zeros(rows.num_rows, bool)
    key = list(contract.key)
    code = key_codes(pa.concat_tables([others.select(key), rows.select(key)]), contract.key)
    among: Mask = np.isin(code[others.num_rows :], code[: others.num_rows])
    return among


def _effects(incoming: ChangeBatch, held: ExistingRows, folded: ReducedChanges, contract: Contract) -> dict[str, int]:
    told = count_effects(folded, contract)
    if not incoming.truncates.num_rows:
        return told
    greatest, found_rows = max(_orders(held.truncates), default=None), effective_truncates(folded)
    for order in _orders(incoming.truncates):
        if greatest is not None and order < greatest:
            told["superseded"] += 1
        else:
            told["deleted" if order[1].decode() in found_rows else "unchanged"] += 1
    return told


def _orders(truncates: pa.Table) -> list[tuple[int, bytes]]:
    ids = [text.encode() for text in truncates["_change_id"].to_pylist()]
    return list(zip(truncates["_sequence"].to_pylist(), ids, strict=True))


def _history(
    folded: ReducedChanges, is_late: Mask, touched: Mask, held: pa.Table, contract: Contract
) -> tuple[pa.Table, pa.Array]:
    """The versions that replace those of the same surrogate keys, and the surrogate keys of those that are gone."""
    surrogate, key = f"{contract.entity}_key", list(contract.key)
    keys = folded.rows.filter(pa.array(folded.starts)).select(key)
    codes = key_codes(pa.concat_tables([keys, held.select(key)]), contract.key)
    place = _by_code(codes[: keys.num_rows], int(codes.max(initial=-1)) + 1)
    own = place[codes[keys.num_rows :]]
    made = build_versions(folded, _before(held, own, is_late), contract)
    made = made.filter(pa.array(touched[made["code"].to_numpy()])).drop_columns(["code"])
    made = made.add_column(0, surrogate, surrogate_keys(made, contract.key, made["valid_from"]))
    of_late = held[surrogate].filter(pa.array(is_late[own])).combine_chunks()
    return made, of_late.filter(pc.invert(pc.is_in(of_late, made[surrogate].combine_chunks())))


def _touched(folded: ReducedChanges, is_late: Mask, has_row: Mask) -> Mask:
    """By key code, whether the batch brought anything that history may show: the key itself, or what is not below its row."""
    touched: Mask = is_late | ~has_row
    touched[folded.code[(folded.origin != EXISTING) & ~folded.is_late]] = True
    return touched


def _before(held: pa.Table, own: Numbers, is_late: Mask) -> NewestVersions:
    """The newest version of each key that is not late; one that is late gets all its versions anew."""
    number = held["version"].to_numpy()
    order = np.lexsort((number, own))
    begun = np.zeros(len(is_late), np.int64)
    newest = np.zeros(len(is_late), np.int64)
    begun[own[order]] = (
        held["valid_from"].cast(pa.int64()).to_numpy()[order]
    )  # the greatest number comes last and stays
    newest[own[order]] = number[order]
    return NewestVersions(begun, np.where(is_late, 0, newest))


def _by_code(codes: Numbers, size: int) -> Numbers:
    """The place of each code, -1 where it does not occur."""
    places = np.full(size, -1, np.int64)
    places[codes] = np.arange(len(codes))
    return places
