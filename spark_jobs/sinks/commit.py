"""The one commit that makes parts visible, at most once.

Commits go through delta-rs: on a small batch Spark's own Delta writer costs 0.2 to 1 s a commit, nearly all of it
planning and state reconstruction, where this costs milliseconds (docs/decisions/0002). The table stays plain Delta for
every reader.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spark_jobs.lake import Table
    from spark_jobs.sinks.parts import Part

#: Spark reads a table's log from its newest checkpoint on, so checkpoints come often enough to keep that short.
PROPERTIES = {"delta.checkpointInterval": "20", "delta.logRetentionDuration": "interval 60 days"}
ADDED_LATER = "tally.fieldsAddedLater"

_Birth = tuple[int, int] | None

_open_tables: dict[str, tuple[DeltaTable, _Birth]] = {}
_guard = threading.RLock()


class SchemaConflictError(Exception):
    """A table holds a column in another type than its contract now says."""


def open_table(path: str) -> DeltaTable | None:
    """The table as it stands now, or None where there is none. Handles are kept, as reading a log twice is waste."""
    with _guard:
        birth = _birth(path)
        known, known_birth = _open_tables.get(path, (None, None))
        if known is not None and birth is not None and birth == known_birth:
            known.update_incremental()
            return known
        _open_tables.pop(path, None)
        try:
            table = DeltaTable(path)
        except TableNotFoundError:
            return None
        _open_tables[path] = (table, birth)
        return table


def _birth(path: str) -> _Birth:
    """What tells a table from another one made at the same place: its first log entry, or its log once that is gone."""
    log = Path(path) / "_delta_log"
    for first in (log / f"{0:020}.json", log):
        with suppress(FileNotFoundError):
            stat = first.stat()
            return (stat.st_ino, stat.st_mtime_ns if first != log else 0)
    return None


def ensure_table(table: Table) -> DeltaTable:
    """Create the table, or add the columns it lacks. A column of another type is refused: data is never reinterpreted.

    Safe to run twice: creation ignores a table that is there, and only missing columns are added.
    """
    with _guard:
        found = open_table(table.path)
        if found is None:
            Path(table.path).mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                table.path,
                schema=Schema.from_arrow(table.schema),
                mode="ignore",
                partition_by=list(table.partition_by),
                configuration=PROPERTIES,
            )
            found = open_table(table.path)
            assert found is not None
        _widen(found, table)
        return found


def _widen(found: DeltaTable, table: Table) -> None:
    have = {field.name: field for field in found.schema().fields}
    want = Schema.from_arrow(table.schema).fields
    for field in want:
        if field.name in have and have[field.name].type != field.type:
            raise SchemaConflictError(
                f"{table.name}: column '{field.name}' is {have[field.name].type} in the table but {field.type} in the "
                "contract; rebuild the table from Bronze into a new LAKE_ROOT, or keep the type in the contract"
            )
    missing = [Field(field.name, field.type, nullable=True) for field in want if field.name not in have]
    if not missing:
        return
    later = dict.fromkeys([*added_later(found), *(field.name for field in missing)])
    found.alter.set_table_properties({ADDED_LATER: ",".join(later)}, raise_if_not_exists=False)
    found.update_incremental()
    found.alter.add_columns(missing)
    found.update_incremental()


def added_later(table: DeltaTable) -> list[str]:
    """Columns that came after the table was made: rows from before carry such a field elsewhere, if at all."""
    listed = (table.metadata().configuration or {}).get(ADDED_LATER, "")
    return [name for name in listed.split(",") if name]


def append_once(table: Table, parts: Sequence[Part], *, writer: str, version: int) -> bool:
    """Make the parts visible in one commit, unless ``writer`` has already committed ``version`` to this table.

    Done twice, the second call sees the writer's version in the table's log and does nothing. ``writer`` must carry the
    checkpoint's id: versions start over with a new checkpoint, and a lower one would be taken for done.
    Returns whether a commit was made; no parts, no commit.
    """
    if not parts:
        return False
    with _guard:
        found = ensure_table(table)
        if _has(found, writer, version):
            return False
        found.create_write_transaction(
            _adds(parts),
            mode="append",
            schema=found.schema(),
            partition_by=list(table.partition_by),
            commit_properties=CommitProperties(app_transactions=[Transaction(writer, version)], max_commit_retries=50),
        )
        found.update_incremental()
        return True


def is_committed(table: Table, *, writer: str, version: int) -> bool:
    """Whether ``writer`` has committed ``version``, or a later one, to this table."""
    found = open_table(table.path)
    return found is not None and _has(found, writer, version)


def _has(found: DeltaTable, writer: str, version: int) -> bool:
    done = found.transaction_version(writer)
    return done is not None and done >= version


def _adds(parts: Iterable[Part]) -> list[AddAction | RemoveAction]:
    return [
        AddAction(
            path=part.path,
            size=part.size,
            partition_values=part.partition,
            modification_time=part.modified_ms,
            data_change=True,
            stats=part.stats,
        )
        for part in parts
    ]
