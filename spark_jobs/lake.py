"""Every table and checkpoint of the lake, on one page.

A :class:`Table` is a path, an Arrow schema, its partition columns and the columns whose minimum and maximum are written
into the Delta log for pruning. Nothing here reads or writes data; see ``sinks`` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from schema_registry.contract import CHANGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schema_registry.contract import Contract, FieldType
    from schema_registry.registry import Subject

TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXT_MAP = pa.map_(pa.string(), pa.string())
REASON = pa.struct([("code", pa.string()), ("field", pa.string()), ("detail", pa.string())])
VERSION_FIELD = "schema_version"
#: Row groups of tables of which few rows of many are read.
KEYED_ROW_GROUP_ROWS = 4_096

#: What Bronze knows of a row besides its fields' text.
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

#: What Silver adds to the latest contract's columns and the derived ones.
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

#: What the change log adds before SILVER_META: the fields that a partial update names, null where the row is whole.
GIVEN = ("given", pa.list_(pa.string()))

#: What a current row (or tombstone) adds to the entity's columns: the change that made it, and when it was merged.
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

#: What a version of history adds to the entity's columns.
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
    ]
)


@dataclass(frozen=True, slots=True)
class Table:
    """A Delta table: where it is, its columns, and what its log says for pruning.

    ``near_unique`` columns are written without a dictionary, as one would never pay for itself. ``keyed``: the columns
    by which rows are replaced (see ``sinks.replace``); none for a table that is only appended to. ``row_group_rows``: rows
    of a Parquet row group; fewer make it cheaper to read a few rows of many.
    """

    name: str
    path: str
    schema: pa.Schema
    partition_by: tuple[str, ...] = ()
    stats: tuple[str, ...] = ()
    near_unique: tuple[str, ...] = ("row_id",)
    keyed: tuple[str, ...] = ()
    row_group_rows: int = 131_072

    @property
    def data_schema(self) -> pa.Schema:
        """The columns inside the Parquet files: all but the partition columns, which live in the paths."""
        return pa.schema([field for field in self.schema if field.name not in self.partition_by])


def arrow_type(type_: FieldType) -> pa.DataType:
    """The Arrow type of a contract's type; money is decimal, time is UTC microseconds."""
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
    """A contract's own columns as the lake types them: its fields, then the derived ones."""
    fields = [(field.name, arrow_type(field.type)) for field in contract.fields]
    return fields + [(column.name, arrow_type(column.type)) for column in contract.derive]


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake under one root. Paths only; tables come into being with their first write.

    ``landed``: the root whose Bronze and ingest ledger this lake reads, where they are another lake's (see :meth:`shadow`).
    """

    root: Path
    landed: Path | None = None

    def shadow(self, subject: str) -> Lake:
        """The lake beside this one in which a subject is rebuilt from this one's Bronze."""
        return Lake(self.root / "_shadow" / subject, landed=self.root)

    def swap_journal(self, subject: str) -> Path:
        """What a rebuilt subject's swap will do, written down before its first step and gone after its last."""
        return self.root / "_shadow" / subject / "swap.json"

    def bronze(self, subject: Subject) -> Table:
        """Rows as received: one text column per known field (null: absent, '': empty), a map for the rest."""
        known = [(name, pa.string()) for name in subject.known_fields]
        return Table(
            name=f"bronze/{subject.name}",
            path=self._landed_path("bronze", subject.name),
            schema=pa.schema([*BRONZE_META[:1], *known, *BRONZE_META[1:]]),
            partition_by=("ingest_date",),
            stats=("source", "ingested_at"),
            near_unique=("row_id", *subject.latest.key),
        )

    def silver(self, subject: Subject) -> Table:
        """What a subject's rows have come to: accepted events, or the current state of each key."""
        return self.events(subject) if subject.kind == "events" else self.current(subject)

    def accepted(self, subject: Subject) -> Table:
        """Every accepted row, append-only: the events themselves, or the log of changes."""
        return self.events(subject) if subject.kind == "events" else self.changes(subject)

    def events(self, subject: Subject) -> Table:
        """Accepted events: the latest contract's typed columns, the derived ones, and what is known of each row."""
        latest = subject.latest
        return Table(
            name=f"silver/{subject.name}",
            path=self._path("silver", subject.name),
            schema=pa.schema([*typed_columns(latest), *SILVER_META]),
            partition_by=("event_date",),
            stats=(latest.event_time,),
            near_unique=("row_id", *latest.key),
        )

    def changes(self, subject: Subject) -> Table:
        """The log of accepted changes: the change columns, the row after it (or what a partial update names), and its origin."""
        latest = subject.latest
        change = [(field.name, arrow_type(field.type)) for field in latest.row_fields[: len(CHANGE_COLUMNS)]]
        return Table(
            name=f"silver/{subject.name}_changes",
            path=self._path("silver", f"{subject.name}_changes"),
            schema=pa.schema([*change, *typed_columns(latest), GIVEN, *SILVER_META]),
            stats=tuple(dict.fromkeys(["change_id", *latest.key, latest.event_time])),
            near_unique=("row_id", "change_id", *latest.key),
        )

    def current(self, subject: Subject) -> Table:
        """The current row of every key; a deleted one stays as a tombstone, so that an older change cannot resurrect it."""
        latest = subject.latest
        return Table(
            name=f"silver/{subject.name}",
            path=self._path("silver", subject.name),
            schema=pa.schema([*typed_columns(latest), *CURRENT_META]),
            stats=latest.key,
            near_unique=("row_id", "_change_id", *latest.key),
            keyed=latest.key,
            row_group_rows=KEYED_ROW_GROUP_ROWS,
        )

    def history(self, subject: Subject) -> Table | None:
        """The versions of every key (SCD type 2), where the contract tracks fields; None where it tracks none."""
        latest = subject.latest
        if not latest.tracked:
            return None
        surrogate = f"{latest.entity}_key"
        return Table(
            name=f"gold/dim_{latest.entity}",
            path=self._path("gold", f"dim_{latest.entity}"),
            schema=pa.schema([(surrogate, pa.int64()), *typed_columns(latest), *VERSION_META]),
            stats=tuple(dict.fromkeys([*latest.key, "valid_from", "valid_to"])),
            near_unique=(surrogate, *latest.key),
            keyed=(surrogate,),
            row_group_rows=KEYED_ROW_GROUP_ROWS,
        )

    def judged(self, subject: Subject) -> tuple[Table, ...]:
        """Every table that a subject's refine query writes, the books last."""
        ops = (self.duplicates, self.dead_letters)
        merged = self.merged(subject) if subject.kind == "changes" else ()
        return (self.accepted(subject), *ops, *merged, self.batch_quality)

    def merged(self, subject: Subject) -> tuple[Table, ...]:
        """The tables whose rows a subject's changes replace: the current one, and history where there is one."""
        history = self.history(subject)
        return (self.current(subject),) if history is None else (self.current(subject), history)

    @property
    def dead_letters(self) -> Table:
        """Refused rows with all their reasons, whole, until resolved or discarded."""
        return Table(
            "ops/dead_letters", self._path("ops", "dead_letters"), DEAD_LETTERS, ("subject",), ("source", "ingested_at")
        )

    @property
    def duplicates(self) -> Table:
        """Rows that repeat an accepted one, and which one."""
        return Table("ops/duplicates", self._path("ops", "duplicates"), DUPLICATES, ("subject",), ("source", "key"))

    @property
    def batch_quality(self) -> Table:
        """The books: one row per batch, written last."""
        return Table(
            "ops/batch_quality",
            self._path("ops", "batch_quality"),
            BATCH_QUALITY,
            ("subject",),
            ("batch_id", "query_id", "max_event_time", "started_at"),
        )

    @property
    def files(self) -> Table:
        """The ingest ledger: one row per file read."""
        return Table(
            "ops/files", self._landed_path("ops", "files"), FILES, ("subject",), ("source", "ingested_at", "query_id")
        )

    def checkpoint(self, subject: str, query: str) -> Path:
        """Where Spark keeps the progress of one query of one subject."""
        return self.root / "_checkpoints" / subject / query

    def lock(self, subject: str) -> Path:
        """The file that the one stream writing a subject holds locked."""
        return self.root / "_locks" / f"{subject}.lock"

    def _path(self, layer: str, name: str) -> str:
        return str(self.root / layer / name)

    def _landed_path(self, layer: str, name: str) -> str:
        return str((self.landed or self.root) / layer / name)
