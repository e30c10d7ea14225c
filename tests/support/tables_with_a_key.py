"""A table with a key in a few words: rows made of a key and a name, and what any reader of Delta sees of them."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.schemas import TEXT_MAP, TIMESTAMP
from spark_jobs.storage.delta_log import put_if_absent, read_log
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from spark_jobs.storage.snapshot import Snapshot

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


def rows(named: Mapping[Any, str], **more: pa.Array) -> pa.Table:
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


def put(table: Table, version: int, named: Mapping[Any, str], gone: Iterable[int | None] = ()) -> bool:
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


def log_of(table: Table) -> Snapshot:
    """Return the table's log as it stands."""
    found = read_log(table.path)
    assert found is not None
    return found


def entry(table: Table, version: int) -> list[dict[str, dict[str, object]]]:
    """Return the actions of an entry."""
    text = (Path(table.path) / "_delta_log" / f"{version:020}.json").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def slipped_in(monkeypatch: pytest.MonkeyPatch, module: object, act: object) -> None:
    """Let someone act between a writer's snapshot and its log entry, once."""

    def late(path: str, version: int, actions: object) -> bool:
        monkeypatch.setattr(module, "put_if_absent", put_if_absent)
        act()  # type: ignore[operator]
        return put_if_absent(path, version, actions)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "put_if_absent", late)


def counted(found: pa.Table) -> Counter[Any]:
    """How often each row is there."""
    return Counter(tuple(row.values()) for row in found.to_pylist())
