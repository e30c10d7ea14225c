"""A lake that holds many keys already: change log, current rows and history, written as the lake writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.scd2 import OPEN, surrogate_keys

if TYPE_CHECKING:
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

JOINED = datetime(2025, 6, 1, tzinfo=UTC)
PIECE = 1_000_000


def lay_down(lake: Lake, subject: Subject, keys: int) -> None:
    """Customers 1 to ``keys``, each inserted by one change."""
    history = lake.history(subject)
    assert history is not None
    tables = (lake.changes(subject), lake.current(subject), history)
    for table in tables:
        ensure_table(table)
    for number, first in enumerate(range(1, keys + 1, PIECE)):
        numbers = np.arange(first, min(first + PIECE, keys + 1))
        for table in tables:
            parts = write_parts(table, _rows(table, numbers))
            if table.key_columns:
                replace_once(table, parts, writer="bench", version=number)
            else:
                append_once(table, parts, writer="bench", version=number)


def _rows(table: Table, numbers: np.ndarray) -> pa.Table:
    size, key = len(numbers), pa.array(numbers)
    ids = pa.array([f"a-{n:012}" for n in numbers.tolist()])
    moment = pa.repeat(pa.scalar(JOINED, TIMESTAMP), size)
    given = {
        "customer_id": key,
        "first_name": pa.repeat("Ana", size),
        "last_name": pa.array([f"Name{n % 5000}" for n in numbers.tolist()]),
        "email": pa.array([f"user{n}@example.org" for n in numbers.tolist()]),
        "phone": pa.array([f"+49 {n}" for n in numbers.tolist()]),
        "address": pa.array([f"{n % 400} Main Street" for n in numbers.tolist()]),
        "city": pa.repeat("Berlin", size),
        "country": pa.repeat("DE", size),
        "segment": pa.repeat("new", size),
        "created_at": moment,
        "change_id": ids,
        "_change_id": ids,
        "row_id": ids,
        "seq": key,
        "_sequence": key,
        "op": pa.repeat("c", size),
        "event_ts": moment,
        "_event_time": moment,
        "valid_from": moment,
        "processed_at": moment,
        "valid_to": pa.repeat(pa.scalar(OPEN, TIMESTAMP), size),
        "is_current": pa.repeat(True, size),
        "_deleted": pa.repeat(False, size),
        "version": pa.repeat(pa.scalar(1, pa.int32()), size),
        "batch_id": pa.repeat(0, size),
    }
    rows = pa.table({"customer_id": key})
    given["customer_key"] = surrogate_keys(rows, ("customer_id",), pa.chunked_array([moment]))
    columns = [given.get(field.name, pa.nulls(size, field.type)) for field in table.schema]
    return pa.table(columns, names=table.schema.names)
