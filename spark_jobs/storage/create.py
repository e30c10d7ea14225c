"""Create a table, or add the columns it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType

from spark_jobs.errors import UsageError
from spark_jobs.storage.actions import ADDED_LATER, PLAIN_PROTOCOL, commit_info, new_metadata, widened_metadata
from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.delta_log import put_if_absent
from spark_jobs.storage.files import make_folder
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.retries import retry_commit
from spark_jobs.storage.snapshot import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake.schema import DataType

    from spark_jobs.storage.table import Table


class SchemaConflictError(UsageError):
    """A table holds a column in another type than its contract now says."""

    has_lines = True


def ensure_table(table: Table) -> DeltaTable:
    """Create the table, or add the columns it lacks. A column of another type is refused: data is never reinterpreted.

    Safe to run twice: creation ignores a table that is there, and only missing columns are added.
    """
    with storage_cache().lock:
        found = open_table(table.path)
        if found is None:
            make_folder(Path(table.path))
            _create(table)
            found = open_table(table.path)
            assert found is not None
        _widen(found, table)
        return found


def _create(table: Table) -> None:
    protocol = PROTOCOL if table.key_columns else PLAIN_PROTOCOL
    put_if_absent(
        table.path, 0, [commit_info("CREATE TABLE"), {"metaData": new_metadata(table)}, {"protocol": protocol}]
    )


def changed_types(table: Table) -> dict[str, tuple[str, str]]:
    """Return the columns that the table has in another type than it should: by name, the type it has and the one it should have.

    Types are spelled as contracts spell them. Empty where there is no table yet.
    """
    found = open_table(table.path)
    return _changed_types(found, table) if found is not None else {}


def _changed_types(found: DeltaTable, table: Table) -> dict[str, tuple[str, str]]:
    have = {field.name: field.type for field in found.schema().fields}
    want = {field.name: field.type for field in Schema.from_arrow(table.schema).fields}
    both = {name: (have[name], type_) for name, type_ in want.items() if name in have}
    return {name: (_spelled(is_), _spelled(should)) for name, (is_, should) in both.items() if is_ != should}


def _spelled(type_: DataType) -> str:
    plain = str(type_.type) if isinstance(type_, PrimitiveType) else type_.to_json()
    return {"integer": "int", "long": "bigint"}.get(plain, plain)


def _widen(found: DeltaTable, table: Table) -> None:
    for name, (is_, should) in _changed_types(found, table).items():
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
    """Add the columns that are missing, in one entry. Another writer may add some of them first: then those that still are."""
    retry_commit(table.name, lambda: _add_lacking(found, table, missing))


def _add_lacking(found: DeltaTable, table: Table, missing: Sequence[Field]) -> bool | None:
    """Return True once the table has all of the columns; None where it may not have them yet."""
    have = {field.name for field in found.schema().fields}
    lacking = [field for field in missing if field.name not in have]
    if not lacking:
        return True
    info = commit_info("ADD COLUMNS", {"columns": json.dumps([field.name for field in lacking])})
    names = [] if table.key_columns else [*added_later(found), *(field.name for field in lacking)]
    metadata = widened_metadata(found, lacking, list(dict.fromkeys(names)))
    put_if_absent(table.path, found.version() + 1, [info, {"metaData": metadata}])
    found.update_incremental()
    return None


def added_later(table: DeltaTable) -> list[str]:
    """Return the columns that were added after the table was made: older rows have such a field elsewhere, if at all."""
    listed = (table.metadata().configuration or {}).get(ADDED_LATER, "")
    return [name for name in listed.split(",") if name]
