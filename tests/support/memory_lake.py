"""A lake in memory for the changes of one entity: batches are merged into it as the stream merges them into tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from schema_registry.contract import Contract, Field, FieldType
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.change_batch import ChangeBatch, ExistingRows
from spark_jobs.transforms.entity_rows import entity_row_schema
from spark_jobs.transforms.late_keys import find_late_keys
from spark_jobs.transforms.scd2 import OPEN
from spark_jobs.transforms.table_updates import TableUpdates, compute_updates
from support.change_sets import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from support.changes_oracle import Change, Key, Oracle

KEY = "thing_id"
HELD_VERSIONS = pa.schema(
    [("thing_key", pa.int64()), (KEY, pa.int64()), ("valid_from", TIMESTAMP), ("version", pa.int32()), ("is_current", pa.bool_())]
)  # fmt: skip


def things(fields: Sequence[str], tracked: Sequence[str], *, partial_updates: bool = False) -> Contract:
    """A contract of changes with text fields and a bigint key."""
    columns = [Field(KEY, FieldType("bigint"), required=True), *[Field(name, FieldType("string")) for name in fields]]
    return Contract(
        subject="things",
        version=1,
        kind="changes",
        key=(KEY,),
        event_time="event_ts",
        fields=tuple(columns),
        sequence_by="seq",
        tracked=tuple(tracked),
        entity="thing",
        partial_updates=partial_updates,
    )


@dataclass
class MemoryLake:
    """What the tables would hold, as Arrow tables."""

    contract: Contract
    log: pa.Table = field(init=False)
    truncates: pa.Table = field(init=False)
    current: pa.Table = field(init=False)
    history: pa.Table | None = None
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.log = self.truncates = self.current = entity_row_schema(self.contract).empty_table()

    def apply(self, batch: Iterable[Change]) -> dict[str, int]:
        """Merge a batch; what the books say of it."""
        accepted = [change for change in batch if not self._is_known(change)]
        changes, truncates = self._rows(accepted, "crud"), self._rows(accepted, "t")
        incoming = ChangeBatch(changes, truncates)
        held = self._held(incoming)
        late = find_late_keys(incoming, held, self.contract)
        if late.num_rows:
            held = ExistingRows(held.current, _of(self.log, late[KEY]), held.truncates, held.versions)
        self._take(compute_updates(incoming, held, late, self.contract))
        self.log = pa.concat_tables([self.log, changes])
        self.truncates = pa.concat_tables([self.truncates, truncates])
        return self._effects

    def rows(self) -> dict[Key, tuple[Any, ...]]:
        """The current rows: deleted, sequence, change_id and values by key."""
        names = ("_deleted", "_sequence", "_change_id", *self.contract.field_names[1:])
        return {row[KEY]: tuple(row[name] for name in names) for row in self.current.to_pylist()}

    def versions(self) -> dict[Key, list[tuple[Any, ...]]]:
        """The history: number, bounds, is_current and values of each version by key, in order of time."""
        found: dict[Key, list[tuple[Any, ...]]] = {}
        held = self.history.sort_by("valid_from").to_pylist() if self.history is not None else []
        for row in held:
            until = None if row["valid_to"] == OPEN else row["valid_to"]
            values = [row[name] for name in self.contract.field_names[1:]]
            found.setdefault(row[KEY], []).append(
                (row["version"], row["valid_from"], until, row["is_current"], *values)
            )
        return found

    def _is_known(self, change: Change) -> bool:
        known = change.change_id in self.ids
        self.ids.add(change.change_id)
        return known

    def _rows(self, changes: Sequence[Change], ops: str) -> pa.Table:
        rows = [
            {
                **change.fields,
                KEY: change.key,
                "_deleted": change.op in ("d", "t"),
                "_sequence": change.seq,
                "_change_id": change.change_id,
                "_event_time": change.event_ts,
                "given": None if change.given is None else sorted(change.given),
            }
            for change in changes
            if change.op in ops
        ]
        return pa.Table.from_pylist(rows, schema=entity_row_schema(self.contract))

    def _held(self, incoming: ChangeBatch) -> ExistingRows:
        current = self.current if incoming.truncates.num_rows else _of(self.current, incoming.changes[KEY])
        versions = None
        if self.contract.tracked:
            keys = pa.concat_tables([incoming.changes.select([KEY]), current.select([KEY])])[KEY]
            versions = _of(self.history, keys) if self.history is not None else HELD_VERSIONS.empty_table()
            versions = versions.select(HELD_VERSIONS.names)
        return ExistingRows(current, entity_row_schema(self.contract).empty_table(), self.truncates, versions)

    def _take(self, merged: TableUpdates) -> None:
        self._effects = merged.effects
        nothing_given = pa.nulls(merged.current.num_rows, pa.list_(pa.string()))
        place = merged.current.schema.get_field_index("given")
        made = merged.current.set_column(place, merged.current.schema.field(place), nothing_given)
        self.current = pa.concat_tables([_not_of(self.current, made[KEY], KEY), made])
        if merged.history is not None:
            replaced = pa.chunked_array([merged.deleted_keys, *merged.history["thing_key"].chunks])
            kept = [] if self.history is None else [_not_of(self.history, replaced, "thing_key")]
            self.history = pa.concat_tables([*kept, merged.history])


def _of(rows: pa.Table, keys: pa.ChunkedArray) -> pa.Table:
    return rows.filter(pc.is_in(rows[KEY], pc.unique(keys)))


def _not_of(rows: pa.Table, keys: pa.ChunkedArray, name: str) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows[name], pc.unique(keys))))


def rows_of(oracle: Oracle) -> dict[Key, tuple[Any, ...]]:
    return {
        key: (row.deleted, row.sequence, row.change_id, *[row.fields[name] for name in FIELDS])
        for key, row in oracle.current().items()
    }


def versions_of(oracle: Oracle) -> dict[Key, list[tuple[Any, ...]]]:
    return {
        key: [(v.version, v.valid_from, v.valid_to, v.is_current, *[v.fields[name] for name in FIELDS]) for v in found]
        for key, found in oracle.versions().items()
    }
