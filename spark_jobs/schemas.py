"""The columns of every table, as Arrow types: what the lake adds to a contract's own, and the tables that are the lake's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schema_registry.contract import Contract, FieldType

TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXT_MAP = pa.map_(pa.string(), pa.string())
REASON = pa.struct([("code", pa.string()), ("field", pa.string()), ("detail", pa.string())])
VERSION_FIELD = "schema_version"

#: The columns of Bronze besides the fields' text.
BRONZE_META: tuple[tuple[str, pa.DataType], ...] = (
    ("row_id", pa.string()),
    ("payload_rest", TEXT_MAP),
    ("raw", pa.string()),
    ("read_error", pa.list_(REASON)),
    ("source", pa.string()),
    ("source_position", pa.int64()),
    ("source_time", TIMESTAMP),
    ("source_fingerprint", pa.string()),
    ("ingested_at", TIMESTAMP),
    ("ingest_date", pa.date32()),
)

#: The columns that Silver adds to the latest contract's columns and the derived ones.
SILVER_META: tuple[tuple[str, pa.DataType], ...] = (
    ("late_arrival_flag", pa.bool_()),
    ("extras", TEXT_MAP),
    ("event_date", pa.date32()),
    (VERSION_FIELD, pa.int32()),
    ("row_id", pa.string()),
    ("query_id", pa.string()),
    ("batch_id", pa.int64()),
    ("processed_at", TIMESTAMP),
)

#: The column that the change log has before SILVER_META: the fields that a partial update names, null where the row is whole.
GIVEN = ("given", pa.list_(pa.string()))

#: The columns that a current row (or tombstone) has besides the entity's: the change that made it, and when it was merged.
CURRENT_META: tuple[tuple[str, pa.DataType], ...] = (
    ("_deleted", pa.bool_()),
    ("_sequence", pa.int64()),
    ("_change_id", pa.string()),
    ("_event_time", TIMESTAMP),
    (VERSION_FIELD, pa.int32()),
    ("row_id", pa.string()),
    ("query_id", pa.string()),
    ("batch_id", pa.int64()),
    ("processed_at", TIMESTAMP),
)

#: The columns that a version of history has besides the entity's.
VERSION_META: tuple[tuple[str, pa.DataType], ...] = (
    ("valid_from", TIMESTAMP),
    ("valid_to", TIMESTAMP),
    ("is_current", pa.bool_()),
    ("version", pa.int32()),
    ("query_id", pa.string()),
    ("batch_id", pa.int64()),
    ("processed_at", TIMESTAMP),
)

DEAD_LETTERS = pa.schema(
    [
        ("row_id", pa.string()),
        ("subject", pa.string()),
        ("reasons", pa.list_(REASON)),
        (VERSION_FIELD, pa.int32()),
        ("contract_fingerprint", pa.string()),
        ("payload", TEXT_MAP),
        ("raw", pa.string()),
        ("source", pa.string()),
        ("source_position", pa.int64()),
        ("ingested_at", TIMESTAMP),
        ("query_id", pa.string()),
        ("batch_id", pa.int64()),
        ("dead_lettered_at", TIMESTAMP),
        ("status", pa.string()),
        ("attempts", pa.int32()),
    ]
)

DUPLICATES = pa.schema(
    [
        ("row_id", pa.string()),
        ("subject", pa.string()),
        ("key", pa.string()),
        ("first_row_id", pa.string()),
        ("source", pa.string()),
        ("source_position", pa.int64()),
        ("query_id", pa.string()),
        ("batch_id", pa.int64()),
    ]
)

BATCH_QUALITY = pa.schema(
    [
        ("subject", pa.string()),
        ("query_id", pa.string()),
        ("batch_id", pa.int64()),
        ("rows_read", pa.int64()),
        ("accepted", pa.int64()),
        ("late", pa.int64()),
        ("duplicate", pa.int64()),
        ("dead_letter", pa.int64()),
        ("control", pa.int64()),
        ("unaccounted", pa.int64()),
        ("reasons", pa.map_(pa.string(), pa.int64())),
        ("min_event_time", TIMESTAMP),
        ("max_event_time", TIMESTAMP),
        ("watermark", TIMESTAMP),
        ("started_at", TIMESTAMP),
        ("duration_seconds", pa.float64()),
        ("input_files", pa.int64()),
        ("contract_fingerprint", pa.string()),
        ("inserted", pa.int64()),
        ("updated", pa.int64()),
        ("deleted", pa.int64()),
        ("superseded", pa.int64()),
        ("unchanged", pa.int64()),
    ]
)

#: The ingest ledger: one row for each reading of a landed file, also of one that held no row.
FILES = pa.schema(
    [
        ("subject", pa.string()),
        ("source", pa.string()),
        ("source_fingerprint", pa.string()),
        ("bytes", pa.int64()),
        ("rows", pa.int64()),
        ("unreadable", pa.int64()),
        ("status", pa.string()),
        ("source_time", TIMESTAMP),
        ("ingested_at", TIMESTAMP),
        ("query_id", pa.string()),
        ("batch_id", pa.int64()),
        ("detail", pa.string()),
    ]
)


def to_micros(moment: datetime) -> int:
    """Return a moment (aware) as epoch microseconds, the numbers behind ``TIMESTAMP``."""
    return pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py()  # type: ignore[no-any-return]


def from_micros(micros: int) -> datetime:
    """Return the moment, in UTC, of these epoch microseconds."""
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]


def arrow_type(type_: FieldType) -> pa.DataType:
    """Return the Arrow type of a contract's type; money is decimal, time is UTC microseconds."""
    if type_.name == "decimal":
        return pa.decimal128(type_.precision, type_.scale)
    simple: Mapping[str, pa.DataType] = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": TIMESTAMP,
    }
    return simple[type_.name]


def typed_columns(contract: Contract) -> list[tuple[str, pa.DataType]]:
    """Return a contract's own columns as the lake types them: its fields, then the derived ones."""
    fields = [(field.name, arrow_type(field.type)) for field in contract.fields]
    return fields + [(column.name, arrow_type(column.type)) for column in contract.derive]
