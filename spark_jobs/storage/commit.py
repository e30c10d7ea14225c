"""The one commit that makes parts visible, at most once.

Tables are read through delta-rs: on a small batch Spark's own Delta writer costs 0.2 to 1 s a commit, nearly all of it
planning and state reconstruction, where this costs milliseconds (docs/decisions/0002). Entries are written through ``log``, which
has them on disk before they have a name. The table stays plain Delta for every reader.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from spark_jobs.errors import UsageError
from spark_jobs.storage.attempt import bring_to_disk
from spark_jobs.storage.durable import make_folder, sync, sync_all
from spark_jobs.storage.entries import ADDED_LATER, PLAIN, addition_of, asks_nothing, commit_info, new_metadata, widened
from spark_jobs.storage.log import PROTOCOL, DeltaLogError, Snapshot, catch_up, entry_name, put_if_absent, read_log
from spark_jobs.storage.sound import require_sound_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deltalake.schema import DataType

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table

log = logging.getLogger("tallylake.commit")

#: How often a commit is tried again because another writer was first.
ATTEMPTS = 50

_Birth = tuple[int, int] | None

_open_tables: dict[str, tuple[DeltaTable, _Birth]] = {}
_snapshots: dict[str, tuple[Snapshot, _Birth]] = {}
_guard = threading.RLock()


class SchemaConflictError(UsageError):
    """A table holds a column in another type than its contract now says."""

    has_lines = True


def open_table(path: str) -> DeltaTable | None:
    """The table as it stands now, or None where there is none. Handles are kept, as reading a log twice is waste."""
    with _guard:
        birth = _birth(path)
        known, known_birth = _open_tables.get(path, (None, None))
        if known is not None and birth is not None and birth == known_birth:
            known.update_incremental()
            return known
        _open_tables.pop(path, None)
        require_sound_log(path)
        try:
            table = DeltaTable(path)
        except TableNotFoundError:
            if birth is not None and any((Path(path) / "_delta_log").glob("*.json")):
                raise DeltaLogError(f"{path} has a log that cannot be read now; nothing is taken for missing") from None
            return None
        except DeltaError as error:
            raise DeltaLogError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        _open_tables[path] = (table, birth)
        return table


def open_snapshot(path: str) -> Snapshot | None:
    """The log of a table with a key as it stands now, or None where there is none; kept as :func:`open_table` keeps handles."""
    with _guard:
        birth = _birth(path)
        known, known_birth = _snapshots.pop(path, (None, None))
        same = known is not None and birth is not None and birth == known_birth
        if known is not None and same:
            snapshot: Snapshot | None = catch_up(known)
        else:
            require_sound_log(path)
            snapshot = read_log(path)
        if snapshot is not None:
            _snapshots[path] = (snapshot, birth)
        return snapshot


def _birth(path: str) -> _Birth:
    """What tells a table from another one made at the same place: its first log entry, or its log once that is gone."""
    log = Path(path) / "_delta_log"
    for first in (log / entry_name(0), log):
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
            make_folder(Path(table.path))
            _create(table)
            found = open_table(table.path)
            assert found is not None
        _widen(found, table)
        return found


def _create(table: Table) -> None:
    protocol = PROTOCOL if table.key_columns else PLAIN
    put_if_absent(
        table.path, 0, [commit_info("CREATE TABLE"), {"metaData": new_metadata(table)}, {"protocol": protocol}]
    )


def retyped(table: Table) -> dict[str, tuple[str, str]]:
    """Columns that the table holds in another type than it should: by name, that type and the one it should be.

    Types are spelled as contracts spell them. Nothing where there is no table yet.
    """
    found = open_table(table.path)
    return _retyped(found, table) if found is not None else {}


def _retyped(found: DeltaTable, table: Table) -> dict[str, tuple[str, str]]:
    have = {field.name: field.type for field in found.schema().fields}
    want = {field.name: field.type for field in Schema.from_arrow(table.schema).fields}
    both = {name: (have[name], type_) for name, type_ in want.items() if name in have}
    return {name: (_spelled(is_), _spelled(should)) for name, (is_, should) in both.items() if is_ != should}


def _spelled(type_: DataType) -> str:
    plain = str(type_.type) if isinstance(type_, PrimitiveType) else type_.to_json()
    return {"integer": "int", "long": "bigint"}.get(plain, plain)


def _widen(found: DeltaTable, table: Table) -> None:
    for name, (is_, should) in _retyped(found, table).items():
        raise SchemaConflictError(
            f"{table.name}: column '{name}' is {is_} in the table but {should} in the contract; a `tally rebuild` of the "
            "subject makes its tables again from Bronze with the contract's types, or keep the type in the contract"
        )
    have = {field.name for field in found.schema().fields}
    want = Schema.from_arrow(table.schema).fields
    missing = [Field(field.name, field.type, nullable=True) for field in want if field.name not in have]
    if missing:
        _add_columns(found, table, missing)


def _add_columns(found: DeltaTable, table: Table, missing: Sequence[Field]) -> None:
    """Add the columns that are still missing in one entry, and again where another writer was first."""
    for _ in range(ATTEMPTS):
        have = {field.name for field in found.schema().fields}
        lacking = [field for field in missing if field.name not in have]
        if not lacking:
            return
        info = commit_info("ADD COLUMNS", {"columns": json.dumps([field.name for field in lacking])})
        names = [] if table.key_columns else [*added_later(found), *(field.name for field in lacking)]
        metadata = widened(found, lacking, list(dict.fromkeys(names)))
        put_if_absent(table.path, found.version() + 1, [info, {"metaData": metadata}])
        found.update_incremental()
    raise DeltaLogError(f"{table.name}: other writers were first {ATTEMPTS} times; stop them, then start again")


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
        for _ in range(ATTEMPTS):
            found = ensure_table(table)
            if _has(found, writer, version):
                sync(Path(table.path) / "_delta_log")  # whoever linked the entry may have been killed before this
                return False
            bring_to_disk(parts, [table])  # once the writer is known not to have: what it has may be vacuumed by now
            before = found.version()
            if _entered(found, table, parts, Transaction(writer, version)):
                found.update_incremental()
                checkpoint_if_due(table.path, before + 1, found.metadata().configuration)
                return True
            found.update_incremental()
    raise DeltaLogError(f"{table.name}: other writers were first {ATTEMPTS} times; stop them, then start again")


def _entered(found: DeltaTable, table: Table, parts: Sequence[Part], transaction: Transaction) -> bool:
    """Make the entry that names the parts, on disk before it has its name; False where another writer was first.

    delta-rs forces nothing to disk. It writes the entry where the table asks for more than is done here.
    """
    if not asks_nothing(found):
        _entered_by_delta_rs(found, table, parts, transaction)
        return True
    entry = addition_of(parts, table.partition_by, transaction.app_id, transaction.version)
    return put_if_absent(table.path, found.version() + 1, entry)


def _entered_by_delta_rs(found: DeltaTable, table: Table, parts: Sequence[Part], transaction: Transaction) -> None:
    found.create_write_transaction(
        _adds(parts),
        mode="append",
        schema=found.schema(),
        partition_by=list(table.partition_by),
        commit_properties=CommitProperties(app_transactions=[transaction], max_commit_retries=ATTEMPTS),
    )
    found.update_incremental()
    folder = Path(table.path) / "_delta_log"
    sync_all([folder / entry_name(found.version()), folder])


def checkpoint_if_due(path: str, version: int, configuration: Mapping[str, str]) -> None:
    """A checkpoint every so often, after the entry of that version.

    It only makes reading cheaper, so where it fails the commit is none the worse.
    """
    if version % int(configuration.get("delta.checkpointInterval", "10")):
        return
    try:
        write_checkpoint(path, clean=configuration.get("delta.enableExpiredLogCleanup", "true") == "true")
    except (DeltaError, OSError) as error:
        log.warning("%s: no checkpoint of version %d: %s", path, version, error)


def write_checkpoint(path: str, *, clean: bool) -> None:
    """Write the table down as it stands now, and drop the entries that are past their time where ``clean``. Done twice, no harm.

    What an entry said is on disk in the checkpoint before the entry goes.
    """
    with _guard:
        found = open_table(path)
        assert found is not None
        found.create_checkpoint()
        folder = Path(path) / "_delta_log"
        made = folder.glob(f"{found.version():020}.checkpoint*.parquet")
        sync_all([*made, folder / "_last_checkpoint", folder])
        if clean:
            found.cleanup_metadata()


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
