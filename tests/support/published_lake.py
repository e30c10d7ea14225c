"""A lake for tests of publishing, written through the real storage code and without Spark, and what Postgres shows of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2 import sql

from spark_jobs.publish.publisher import Publisher
from spark_jobs.publish.schema import prepare_database
from spark_jobs.schemas import BRONZE_META
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.open_tables import open_snapshot
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection as Connection

    from config.groups import Database
    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.publish.breaker import Breaker
    from spark_jobs.publish.target import Target
    from spark_jobs.storage.table import Table
    from support.lakes import Workspace

Row = dict[str, Any]
PATIENCE = 60.0
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
META = {name for name, _ in BRONZE_META}
#: What texts may hold, of all that CSV, JSON or COPY could take for something else.
POISON = (
    '"',
    "'",
    "\\",
    "\\.",
    "\n\\.\n",
    ",",
    "\t\r\n",
    "",
    " ",
    "NULL",
    "\\N",
    "{}",
    "ü😀\u2028",
    "\x01\x1f",
    "a\0b",
    "é" * 900,
)


@dataclass
class PublishedLake:
    """A lake for publishing: rows are in it as soon as they are put, as batches of the stream would leave them."""

    workspace: Workspace
    commits: int = 0
    targets: dict[str, Target] = field(default_factory=dict)

    def prepare(self, connection: Connection) -> None:
        """Prepare the database, and remember the targets by the lake's name for their table."""
        self.targets = {one.table.name: one for one in prepare_database(connection, self.registry, self.lake)}

    @property
    def lake(self) -> Lake:
        return self.workspace.lake

    @property
    def registry(self) -> Registry:
        return self.workspace.registry

    def settings(self, database: Database) -> Settings:
        """The lake's settings for publishing to that database, with two attempts."""
        retry = replace(self.workspace.settings.retry, attempts=2)
        return replace(self.workspace.settings, database=database, retry=retry)

    def publisher(
        self, database: Database, stop: threading.Event | None = None, breaker: Breaker | None = None
    ) -> Publisher:
        return Publisher(self.settings(database), self.registry, self.lake, stop or threading.Event(), breaker)

    def table(self, name: str) -> Table:
        return self.targets[name].table

    def append(self, name: str, *rows: Row) -> None:
        """Append rows; columns that are not given are null."""
        table = self.table(name)
        self.commits += 1
        append_once(table, write_parts(table, _arrow(table.schema, rows)), writer="test", version=self.commits)

    def put(self, name: str, *rows: Row, gone: Iterable[Any] = ()) -> None:
        """Rows for a table with a key, and the keys of rows that go."""
        table = self.table(name)
        self.commits += 1
        ensure_table(table)
        keys = pa.array(list(gone), table.schema.field(table.key_columns[0]).type)
        parts = write_parts(table, _arrow(table.schema, rows)) if rows else []
        replace_once(table, parts, deleted_keys=keys, writer="test", version=self.commits)

    def snapshot(self, name: str) -> Any:
        return open_snapshot(self.table(name).path)

    def is_equal(self, connection: Connection, name: str) -> bool:
        """True if Postgres shows exactly the lake's rows of the table, each as often; AssertionError names some that differ."""
        here, there = rows_of_lake(self.targets[name]), rows_of_postgres(connection, self.targets[name])
        assert here == there, f"only in the lake: {list(here - there)[:3]}; only in Postgres: {list(there - here)[:3]}"
        return True


def fetch(connection: Connection, query: str, *values: Any) -> list[Any]:
    """Return a query's rows, or the values of its only column."""
    with connection, connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return [row[0] if len(row) == 1 else row for row in cursor.fetchall()]


def execute(connection: Connection, statement: str) -> None:
    """Run a statement in a transaction of its own."""
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)


def event(number: int, **fields: Any) -> Row:
    """An accepted event, whose values follow from its number."""
    values = {
        "event_id": f"e{number}",
        "user_id": number % 7,
        "event_type": "view",
        "product_id": number + 1,
        "price": Decimal(number) / 100,
        "event_time": NOON + timedelta(microseconds=number),
        "quantity": 1,
        "session_id": f"s{number % 5}",
        "category": POISON[number % len(POISON)] or None,
        "user_segment": "new",
        "late_arrival_flag": number % 3 == 0,
        "extras": [("x", POISON[number % len(POISON)])] if number % 2 else None,
        "event_date": NOON.date(),
        "schema_version": 2,
        "row_id": f"r{number:05}",
        "query_id": "q",
        "batch_id": number,
        "processed_at": NOON,
    }
    return {**values, **fields}


def product(number: int, **fields: Any) -> Row:
    """A current product."""
    values = {
        "product_id": number + 1,
        "product_name": POISON[number % len(POISON)],
        "category": "toys",
        "price": Decimal(number) / 4,
        "_deleted": False,
        "_sequence": number,
        "_change_id": f"c{number}",
        "_event_time": NOON,
        "row_id": f"r{number}",
        "query_id": "q",
        "batch_id": 0,
        "processed_at": NOON,
    }
    return {**values, **fields}


def dead_letter(number: int, **fields: Any) -> Row:
    """A dead letter of an event."""
    poison = POISON[number % len(POISON)]
    values = {
        "row_id": f"d{number:05}",
        "subject": "ecommerce_events",
        "reasons": [
            {"code": "bad_type", "field": "price", "detail": poison},
            {"code": "missing", "field": None, "detail": ""},
        ],
        "payload": [("price", poison), ("quantity", None)],
        "raw": poison if number % 2 else None,
        "source": "ecommerce_events/a.csv",
        "source_position": number,
        "ingested_at": NOON,
        "query_id": "q",
        "batch_id": 1,
        "dead_lettered_at": NOON + timedelta(seconds=number),
        "status": "open",
        "attempts": 0,
    }
    return {**values, **fields}


def bronze_row(number: int, **fields: Any) -> Row:
    """A row of Bronze; every third one is known by its raw text alone."""
    poison = POISON[number % len(POISON)]
    known = {"event_id": f"e{number}", "category": poison, "price": None, "quantity": ""}
    readable = number % 3 != 0
    values = {
        "row_id": f"r{number:05}",
        "payload_rest": [(f"more{poison}", poison), ("none", None)] if readable and number % 2 else None,
        "raw": None if readable else poison,
        "read_error": None if readable else [{"code": "encoding", "field": None, "detail": poison}],
        "source": "ecommerce_events/a.csv",
        "source_position": number,
        "source_time": NOON,
        "source_fingerprint": "f",
        "ingested_at": NOON,
        "ingest_date": NOON.date(),
    }
    return {**(known if readable else {}), **values, **fields}


def _arrow(schema: pa.Schema, rows: Iterable[Row]) -> pa.Table:
    whole = [{**dict.fromkeys(schema.names), **row} for row in rows]
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in whole], schema=schema)


def rows_of_lake(target: Target) -> Counter[str]:
    """Return the rows that Postgres is to show, one text for each, made value by value."""
    rows = all_rows(target.table, target.table.schema.names).to_pylist()
    if target.subject is not None:
        rows = [_as_received(target.subject, row) for row in rows]
    return Counter(
        _text([_plain(row[name], target.columns.field(name).type) for name in target.columns.names]) for row in rows
    )


def _as_received(subject: str, row: Row) -> Row:
    known = {name: value for name, value in row.items() if name not in META and value is not None}
    payload = [*known.items(), *(row["payload_rest"] or [])]
    return {**row, "subject": subject, "payload": payload if row["raw"] is None else None}


def rows_of_postgres(connection: Connection, target: Target) -> Counter[str]:
    """Return the rows that Postgres shows of the table, in the same form; of events with those in ``repeated_events``."""
    columns = sql.SQL(", ").join(map(sql.Identifier, target.column_names))
    with connection, connection.cursor() as cursor:
        only = sql.SQL(" WHERE subject = {}").format(sql.Literal(target.subject)) if target.subject else sql.SQL("")
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(target.schema, target.name)) + only)
        rows = cursor.fetchall()
        if target.events:
            repeated = sql.SQL(
                "SELECT {} FROM repeated_events r, jsonb_populate_record(NULL::{}, r.payload) WHERE r.subject = {}"
            )
            names = sql.SQL(", ").join(sql.Identifier("jsonb_populate_record", name) for name in target.column_names)
            cursor.execute(repeated.format(names, sql.Identifier(target.schema, target.name), sql.Literal(target.name)))
            rows += cursor.fetchall()
    return Counter(_text(row) for row in rows)


def _plain(value: Any, type_: pa.DataType) -> Any:
    """Return a value of the lake as psycopg2 returns it: maps as dictionaries, and no NUL character."""
    if isinstance(value, str):
        return value.replace("\0", r"\x00")
    if value is None or not pa.types.is_nested(type_):
        return value
    if pa.types.is_map(type_):
        return {_plain(key, pa.string()): _plain(item, type_.item_type) for key, item in value}
    if pa.types.is_list(type_):
        return [_plain(item, type_.value_type) for item in value]
    return {each.name: _plain(value[each.name], each.type) for each in type_}


def _text(values: Iterable[Any]) -> str:
    return json.dumps([_comparable(value) for value in values], sort_keys=True, default=str)


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
