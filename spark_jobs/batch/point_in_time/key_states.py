"""The states that the row of one key has had, and the one at a moment. Starts no Spark, and reads no other key's rows.

Where the contract tracks fields, the states are the versions in gold/dim_<entity>: a field that is not tracked shows what it came
to before the version ended. Where it tracks none, they are folded from the change log, and every field shows what it was.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from spark_jobs.errors import UsageError
from spark_jobs.schemas import typed_columns
from spark_jobs.storage.key_lookup import rows_with_keys
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.scans import rows_where
from spark_jobs.transforms.change_batch import ChangeBatch
from spark_jobs.transforms.entity_rows import TRUNCATE, entity_row_schema, rows_from_changes, value_columns
from spark_jobs.transforms.reduced_changes import EXISTING, reduce_changes
from spark_jobs.transforms.scd2 import NewestVersions, build_versions
from spark_jobs.transforms.truncates import truncates_as_deletes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

Outcome = Literal["found", "deleted", "not_yet", "unknown"]


@dataclass(frozen=True, slots=True)
class State:
    """A row as it was on [valid_from, valid_to); valid_to is None while it lasts. ``surrogate``: its key in history, if any."""

    row: dict[str, Any]
    version: int
    valid_from: datetime
    valid_to: datetime | None
    surrogate: int | None

    def holds(self, moment: datetime) -> bool:
        """True if the row had this state at that moment."""
        return self.valid_from <= moment and (self.valid_to is None or moment < self.valid_to)


@dataclass(frozen=True, slots=True)
class Change:
    """The change that a state began with."""

    change_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The state of a key's row at a moment (``found``); where there was none, the nearest states before and after, if any."""

    subject: str
    key: dict[str, Any]
    moment: datetime
    found: State | None
    change: Change | None
    before: State | None
    after: State | None

    @property
    def outcome(self) -> Outcome:
        """Say if the row was there (found), was deleted at that time, was not yet there, or has never been known."""
        if self.found is not None:
            return "found"
        if self.before is not None:
            return "deleted"
        return "unknown" if self.after is None else "not_yet"

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json, the outcome under ``standing``."""
        return {**asdict(self), "standing": self.outcome}


def state_at(lake: Lake, subject: Subject, key: Mapping[str, Any], moment: datetime) -> Answer:
    """Return the state of the row with this key (values in the types of the contract's key) at that aware moment.

    UsageError where the subject's rows are events.
    """
    require_changes(subject)
    wanted = _key_array(key, subject.latest)
    changes = _changes_of(lake.changes(subject), wanted, subject.latest)
    history = lake.history(subject)
    states = (
        _states_from_history(history, wanted, subject.latest) if history else _states_from_log(lake, subject, changes)
    )
    found = next((state for state in states if state.holds(moment)), None)
    return Answer(
        subject=subject.name,
        key=dict(key),
        moment=moment,
        found=found,
        change=None if found is None else _change_at(changes, found.valid_from),
        before=next((state for state in reversed(states) if not found and state.valid_from <= moment), None),
        after=next((state for state in states if not found and state.valid_from > moment), None),
    )


def require_changes(subject: Subject) -> None:
    """Refuse a subject whose rows are events, which have no state at a time, by a UsageError."""
    if subject.kind != "changes":
        raise UsageError(
            f"{subject.name} holds events, which have no state at a time: filter silver/{subject.name} by "
            f"{subject.latest.event_time}, or ask tally why for one of them"
        )


def fold_versions(changes: pa.Table, truncates: pa.Table, contract: Contract) -> pa.Table:
    """Build the versions of keys from all of their changes and all truncates (columns of ``entity_row_schema``), by key and time.

    As ``scd2.build_versions``, with every field taken as tracked, so that each shows what it was.
    """
    key = list(contract.key)
    keys = changes.select(key).group_by(key).aggregate([])
    rows = pa.concat_tables([changes, truncates_as_deletes(truncates, keys, changes, contract)])
    folded = reduce_changes(rows, np.full(rows.num_rows, EXISTING), contract)
    nothing = np.zeros(keys.num_rows, np.int64)
    tracked = tuple(value_columns(contract))
    return build_versions(folded, NewestVersions(nothing, nothing), replace(contract, tracked=tracked)).drop_columns(
        ["code"]
    )


def log_columns(contract: Contract) -> list[str]:
    """Return the columns of the change log that ``rows_from_changes`` reads."""
    made = ("_deleted", "_sequence", "_change_id", "_event_time")
    read = ["op", str(contract.sequence_by), "change_id", contract.event_time]
    return list(dict.fromkeys([*read, *(name for name in entity_row_schema(contract).names if name not in made)]))


def _key_array(key: Mapping[str, Any], contract: Contract) -> pa.Array:
    schema = pa.schema([field for field in typed_columns(contract) if field[0] in contract.key])
    return key_array(pa.Table.from_pylist([dict(key)], schema=schema), contract.key)


def _changes_of(log: Table, wanted: pa.Array, contract: Contract) -> pa.Table:
    rows = rows_with_keys(log, wanted, log_columns(contract), by=contract.key)
    return ChangeBatch.from_log(rows, contract).changes


def _states_from_history(history: Table, wanted: pa.Array, contract: Contract) -> list[State]:
    names = [name for name in history.schema.names if name not in ("query_id", "batch_id", "processed_at")]
    rows = rows_with_keys(history, wanted, names, by=contract.key).sort_by("valid_from").to_pylist()
    return _as_states(rows, contract, history.key_columns)


def _states_from_log(lake: Lake, subject: Subject, changes: pa.Table) -> list[State]:
    if not changes.num_rows:
        return []
    truncates = rows_from_changes(rows_where(lake.changes(subject), "op", TRUNCATE), subject.latest)
    return _as_states(fold_versions(changes, truncates, subject.latest).to_pylist(), subject.latest, ())


def _as_states(rows: Sequence[dict[str, Any]], contract: Contract, surrogate: Sequence[str]) -> list[State]:
    entity = [name for name, _ in typed_columns(contract)]
    return [
        State(
            row={name: row[name] for name in entity},
            version=row["version"],
            valid_from=row["valid_from"],
            valid_to=None if row["is_current"] else row["valid_to"],
            surrogate=row[surrogate[0]] if surrogate else None,
        )
        for row in rows
    ]


def _change_at(changes: pa.Table, begun: datetime) -> Change | None:
    """Return the greatest of the key's changes at that moment: it is the one with which a state begins."""
    names = ["_sequence", "_change_id", "_event_time"]
    at_once = [row for row in changes.select(names).to_pylist() if row["_event_time"] == begun]
    orders = [(row["_sequence"], row["_change_id"].encode()) for row in at_once]
    if not orders:
        return None
    sequence, change_id = max(orders)
    return Change(change_id.decode(), sequence)
