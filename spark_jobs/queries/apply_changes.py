"""Apply a batch of accepted changes to the current table and to history: write their new rows as parts to be committed.

Nothing is visible until the parts are committed: ``storage.replace`` puts them in the place of the rows of the same keys. Done
again before that, the same parts are written under other names; after it, the journal has them and they are not computed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.scans import read_parts, rows_where
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.change_batch import ChangeBatch, ExistingRows
from spark_jobs.transforms.entity_rows import TRUNCATE, entity_row_schema, rows_from_changes, rows_from_current
from spark_jobs.transforms.late_keys import find_late_keys
from spark_jobs.transforms.table_updates import TableUpdates, compute_updates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class BatchStamp:
    """The columns by which rows name the batch that wrote them. ``processed_at`` in epoch microseconds."""

    query_id: str
    batch_id: int
    processed_at: int


@dataclass(frozen=True, slots=True)
class AppliedChanges:
    """The parts that replace rows; by table, the surrogate keys of versions to be deleted; the number of changes by effect."""

    parts: list[Part]
    deleted_keys: dict[str, tuple[int, ...]]
    effects: dict[str, int]


@dataclass(slots=True)
class ChangeApplier:
    """Applies the batches of one subject. Keeps its truncates, which are few and concern every key, until one more comes."""

    lake: Lake
    subject: Subject
    _truncates: pa.Table | None = field(default=None, init=False)

    def apply(self, log_parts: Sequence[Part], stamp: BatchStamp) -> AppliedChanges:
        """Apply the changes in these parts of the change log, which are written and not yet committed."""
        contract = self.subject.latest
        log = self.lake.changes(self.subject)
        incoming = ChangeBatch.from_log(read_parts(log, log_parts), contract)
        existing = self._read_existing(incoming, contract)
        late = find_late_keys(incoming, existing, contract)
        existing = self._with_earlier_changes(existing, late, contract)
        if incoming.truncates.num_rows:
            self._truncates = None
        return self._write(compute_updates(incoming, existing, late, contract), stamp)

    def _read_existing(self, incoming: ChangeBatch, contract: Contract) -> ExistingRows:
        """Return the existing rows and versions of the batch's keys; of all keys where the batch truncates."""
        current, history = self.lake.current(self.subject), self.lake.history(self.subject)
        names = [name for name in entity_row_schema(contract).names if name in current.schema.names]
        all_keys = incoming.truncates.num_rows > 0
        rows = all_rows(current, names) if all_keys else rows_with_keys(current, self._keys(incoming.changes), names)
        versions = None if history is None else self._versions(history, incoming, rows)
        empty = entity_row_schema(contract).empty_table()
        return ExistingRows(rows_from_current(rows, contract), empty, self._all_truncates(contract), versions)

    def _versions(self, history: Table, incoming: ChangeBatch, current: pa.Table) -> pa.Table:
        """Return the versions of the keys, without the columns that only describe them."""
        key = list(self.subject.latest.key)
        names = [*history.key_columns, *key, "valid_from", "version", "is_current"]
        keys = pa.concat_tables([incoming.changes.select(key), current.select(key)])
        return rows_with_keys(history, self._keys(keys), names, by=key)

    def _with_earlier_changes(self, existing: ExistingRows, late: pa.Table, contract: Contract) -> ExistingRows:
        """Add the accepted changes of the keys that have a late one; of no others is the log read."""
        if not late.num_rows:
            return existing
        log = self.lake.changes(self.subject)
        names = [name for name in log.schema.names if name not in ("extras", "processed_at")]
        earlier = rows_with_keys(log, self._keys(late), names, by=contract.key)
        earlier = ChangeBatch.from_log(earlier, contract).changes  # a truncate may name a key that it is not of
        return ExistingRows(existing.current, earlier, existing.truncates, existing.versions)

    def _all_truncates(self, contract: Contract) -> pa.Table:
        if self._truncates is None:
            self._truncates = rows_from_changes(rows_where(self.lake.changes(self.subject), "op", TRUNCATE), contract)
        return self._truncates

    def _keys(self, rows: pa.Table) -> pa.Array:
        return pc.unique(key_array(rows, self.subject.latest.key))

    def _write(self, updates: TableUpdates, stamp: BatchStamp) -> AppliedChanges:
        parts = _write_rows(self.lake.current(self.subject), updates.current, stamp)
        history = self.lake.history(self.subject)
        if history is None or updates.history is None:
            return AppliedChanges(parts, {}, updates.effects)
        parts += _write_rows(history, updates.history, stamp)
        deleted = {history.name: tuple(updates.deleted_keys.to_pylist())} if len(updates.deleted_keys) else {}
        return AppliedChanges(parts, deleted, updates.effects)


def _write_rows(table: Table, rows: pa.Table, stamp: BatchStamp) -> list[Part]:
    """Write rows, in the order of their keys, stamped with the batch that writes them."""
    size = rows.num_rows
    added = {
        "query_id": pa.repeat(stamp.query_id, size),
        "batch_id": pa.repeat(stamp.batch_id, size),
        "processed_at": pa.repeat(pa.scalar(stamp.processed_at, TIMESTAMP), size),
    }
    names = table.schema.names
    columns = [added[name] if name in added else rows[name] for name in names]
    return write_parts(
        table, pa.table(columns, names=names).sort_by([(name, "ascending") for name in table.key_columns])
    )
