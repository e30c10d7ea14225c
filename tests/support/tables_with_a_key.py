"""A table with a key in a few words: rows made of a key and a name, and what any reader of Delta sees of them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.schemas import TEXT_MAP, TIMESTAMP
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pytest

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("price", pa.decimal128(10, 2)),
        ("at", TIMESTAMP),
        ("extras", TEXT_MAP),
    ]
)
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
Rows = dict[int | None, str]


def table_with_a_key(root: Path, **changes: Any) -> Table:
    """A table whose rows are replaced by ``id``."""
    table = Table("silver/x", str(root / "x"), SCHEMA, (), ("id",), ("id",), ("id",), 4)
    return dataclasses.replace(table, **changes)


def rows(named: Mapping[int | None, str], **more: pa.Array) -> pa.Table:
    """A row for each key, with values of every type that follow from key and name."""
    made = [
        {
            "id": key,
            "name": name,
            "price": Decimal(key or 0) / 4,
            "at": NOON + timedelta(microseconds=key or 0),
            "extras": [("n", name)] if name else None,
        }
        for key, name in named.items()
    ]
    found = pa.Table.from_pylist(made, schema=SCHEMA)
    for column, values in more.items():
        found = found.append_column(column, values)
    return found


def put(table: Table, version: int, named: Mapping[int | None, str], gone: Iterable[int | None] = ()) -> bool:
    """Replace the rows of these keys, and remove those of the keys that are gone."""
    keys = pa.array(list(gone), pa.int64())
    return replace_once(table, write_parts(table, rows(named)), deleted_keys=keys, writer="w", version=version)


def scanned(path: str) -> pa.Table:
    """What delta-rs reads of the table."""
    return pa.RecordBatchReader.from_stream(DeltaTable(path).scan()).read_all()


def named(found: pa.Table) -> Rows:
    """Keys and names, once it is sure that no key is there twice and that all the values of a row are its own."""
    plain = found.select(SCHEMA.names).cast(SCHEMA).to_pylist()
    seen = {row["id"]: row["name"] for row in plain}
    assert len(seen) == len(plain), "a key is there twice"
    by_key = {row["id"]: row for row in plain}
    assert by_key == {row["id"]: row for row in rows(seen).to_pylist()}
    return seen


def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits at which a few rows are many, so that vectors, rewritten files and folded ones all come about."""
    from spark_jobs.storage import replace_plan

    monkeypatch.setattr(replace_plan, "SMALL_ROWS", 3)
    monkeypatch.setattr(replace_plan, "REWRITTEN_ROWS", 6)
    monkeypatch.setattr(replace_plan, "SIZES", (3, 12))
    monkeypatch.setattr(replace_plan, "FILES_OF_A_SIZE", 3)
