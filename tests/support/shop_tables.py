"""A shop's tables in Postgres as publishing leaves them: the same every time, with quotes, ties, nulls and wildcards among them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from psycopg2.extras import execute_values

from config.settings import load
from schema_registry.registry import load as load_registry
from spark_jobs.lake import Lake
from spark_jobs.publish.schema import prepare_database

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection

Row = dict[str, Any]
NOW = datetime(2026, 1, 29, 12, 30, tzinfo=UTC)
OPEN = datetime(9999, 12, 31, tzinfo=UTC)
SUBJECTS = ("ecommerce_events", "orders", "products")
NAMES = (
    "Soft Lamp",
    "100% Cotton",
    "snake_case Cup",
    "O'Brien's \"Mug\"",
    "Böhm & Söhne",
    "back\\slash",
    "Lampe 😀",
    "<b>B</b>",
)
CATEGORIES = ("home", "books", "toys", None)
KINDS = ("view", "view", "view", "add_to_cart", "purchase", "search")
DAYS = 45


@dataclass
class Shop:
    """What was put into the tables, by table."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[Row]:
        return self.rows[table]


def fill(connection: Connection, root: Path, *, batches: int = 96) -> Shop:
    """Make the tables and put the shop into them."""
    settings = load({"LAKE_ROOT": str(root)}, dotenv=None)
    prepare_database(connection, load_registry(settings.lake.contracts), Lake(root))
    shop, chance = Shop(), random.Random(29)
    shop.rows["data_quality_metrics"] = [_books(chance, n, subject) for n in range(batches) for subject in SUBJECTS]
    shop.rows["dead_letter_events"] = [_letter(chance, number) for number in range(137)]
    shop.rows["ecommerce_events"] = [_event(chance, number) for number in range(2_000)]
    _put_products(shop, chance)
    _put_customers(shop)
    _put_sales(shop, chance)
    for table, rows in shop.rows.items():
        insert(connection, table, rows)
    move_on(connection)
    return shop


def insert(connection: Connection, table: str, rows: list[Row]) -> None:
    """Rows into a table; what is nested goes as JSON."""
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    query = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(sql.Identifier(table), columns)
    values = [
        [json.dumps(value) if isinstance(value, dict | list) else value for value in row.values()] for row in rows
    ]
    with connection, connection.cursor() as cursor:
        execute_values(cursor, query.as_string(connection), values)


def move_on(connection: Connection) -> None:
    """Every table one version further, as a publisher notes it with the rows."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE published_tables SET lake_table_id = 'id', version = coalesce(version, 0) + 1, rows_written = 7, "
            "published_at = %s, lake_committed_at = %s",
            (NOW, NOW - timedelta(seconds=2)),
        )


def books(number: int, subject: str = "ecommerce_events", **fields: Any) -> Row:
    """The books of a batch that went well, half an hour after the one before."""
    said = {
        "subject": subject,
        "query_id": "q",
        "batch_id": number,
        "rows_read": 100,
        "accepted": 100,
        "late": 0,
        "duplicate": 0,
        "dead_letter": 0,
        "control": 0,
        "unaccounted": 0,
        "reasons": {},
        "watermark": NOW - timedelta(hours=48 - number / 2, minutes=10),
        "min_event_time": NOW - timedelta(hours=48 - number / 2, minutes=5),
        "max_event_time": NOW - timedelta(hours=48 - number / 2),
        "started_at": NOW - timedelta(hours=48 - number / 2),
        "duration_seconds": 1.5,
        "input_files": 1,
        "contract_fingerprint": "f",
    }
    return {**said, **fields}


def _books(chance: random.Random, number: int, subject: str) -> Row:
    refused, repeated = chance.choice((0, 1, 4, 9)), chance.randint(0, 5)
    accepted = 100 - refused - repeated
    reasons = {"bad_type:price": refused} if refused == 1 else {"missing:event_id": refused, "rule:browse": 1}
    found = {"accepted": accepted, "duplicate": repeated, "dead_letter": refused, "late": chance.randint(0, 9)}
    return books(number, subject, **found, reasons=reasons if refused else {})


def _letter(chance: random.Random, number: int) -> Row:
    """Every three at one moment, so that cursors have ties to break."""
    code, about = chance.choice(
        (("bad_type", "price"), ("bad_type", "quantity"), ("missing", "event_id"), ("unreadable", None))
    )
    return {
        "row_id": f"d{number:04}",
        "subject": chance.choice(SUBJECTS),
        "reasons": [{"code": code, "field": about, "detail": f"'{chance.choice(NAMES)}' is none"}],
        "schema_version": chance.choice((1, 2, None)),
        "contract_fingerprint": "f",
        "payload": {"price": chance.choice(NAMES)} if code != "unreadable" else None,
        "raw": None if code != "unreadable" else 'a,"b\\x00',
        "source": "ecommerce_events/a.csv",
        "source_position": number,
        "ingested_at": NOW,
        "query_id": "q",
        "batch_id": number,
        "dead_lettered_at": NOW - timedelta(minutes=number // 3),
        "status": chance.choice(("open", "open", "resolved", "discarded")),
        "attempts": 0,
    }


def _event(chance: random.Random, number: int) -> Row:
    kind, price = chance.choice(KINDS), Decimal(chance.randint(1, 9_999)) / 100
    quantity = chance.randint(1, 3)
    at = NOW - timedelta(minutes=2 * number)
    return {
        "event_id": f"e{number}",
        "user_id": chance.randint(0, 40),
        "event_type": kind,
        "product_id": chance.randint(1, 30),
        "price": price,
        "event_time": at,
        "session_id": f"s{chance.randint(1, 90)}",
        "category": chance.choice(CATEGORIES),
        "quantity": quantity,
        "user_segment": chance.choice(("new", "premium", "returning")),
        "total_amount": price * quantity,
        "late_arrival_flag": chance.random() < 0.1,
        "event_date": at.date(),
        "row_id": f"r{number}",
    }


def _put_products(shop: Shop, chance: random.Random) -> None:
    shop.rows["products"], shop.rows["dim_product"] = [], []
    for number in range(1, 61):
        known = {
            "product_id": number,
            "product_name": f"{NAMES[number % len(NAMES)]} {number}",
            "category": CATEGORIES[number % 3],
            "brand": None if number % 5 == 0 else "Acme",
        }
        begins = [NOW - timedelta(days=100 - 20 * version) for version in range(1 + number % 4)]
        prices = [Decimal(chance.randint(100, 99_999)) / 100 for _ in begins]
        gone = number % 10 == 9
        ends = [*begins[1:], NOW - timedelta(days=1) if gone else OPEN]
        for version, (begin, end, price) in enumerate(zip(begins, ends, prices, strict=True), 1):
            span = {"valid_from": begin, "valid_to": end, "is_current": end == OPEN, "version": version}
            shop.rows["dim_product"].append({"product_key": 100 * number + version, **known, "price": price, **span})
        shop.rows["products"].append({**known, "price": prices[-1], "_deleted": gone, "row_id": f"p{number}"})


def _put_customers(shop: Shop) -> None:
    cities = ("Oslo", "São Paulo", "Łódź")
    shop.rows["dim_customer"] = [
        {
            "customer_key": 10 * number + version,
            "customer_id": number,
            "first_name": "Ana",
            "last_name": NAMES[number % len(NAMES)],
            "email": f"a{number}@x.example",
            "address": f"Street {number}",
            "city": cities[version],
            "country": "NO",
            "valid_from": NOW - timedelta(days=90 - 30 * version),
            "valid_to": NOW - timedelta(days=60 - 30 * version) if version < 2 else OPEN,
            "is_current": version == 2,
            "version": version + 1,
        }
        for number in range(1, 41)
        for version in range(3)
    ]
    shop.rows["customer_lifetime_value"] = [
        {
            "customer_id": number,
            "first_order_date": date(2026, 1, 1),
            "last_order_date": date(2026, 1, 20),
            "orders": 2,
            "units": 5,
            "gross_amount": Decimal("70.00"),
            "refunded_amount": Decimal("0.00"),
            "lifetime_value": Decimal(number // 7 * 10) / 4 - 5,
            "average_order_value": Decimal("35.00"),
        }
        for number in range(1, 41)
    ]
    shop.rows["customer_segments"] = [
        {"customer_id": number, "as_of_date": date(2026, 1, 28), "recency_days": number, "frequency": number % 3}
        | {"monetary": Decimal(number), "segment": ("champion", "regular", "at risk")[number % 3]}
        for number in range(1, 41)
    ]


def _put_sales(shop: Shop, chance: random.Random) -> None:
    days = [NOW.date() - timedelta(days=DAYS - number) for number in range(DAYS)]
    shop.rows["fact_orders"] = [
        {
            "order_item_id": number,
            "order_id": number // 2,
            "order_time": NOW,
            "customer_id": chance.randint(1, 40),
            "product_id": chance.randint(1, 30),
            "status": chance.choice(("delivered", "shipped", "cancelled")),
            "quantity": chance.randint(1, 4),
            "line_total": Decimal(chance.randint(100, 9_999)) / 100,
            "order_date": days[number % DAYS],
        }
        for number in range(1, 1_501)
    ]
    shop.rows["daily_gmv"] = [
        {"order_date": day, "orders": 30, "customers": 20, "units": 90, "gmv": Decimal(900 + 37 * (number % 9))}
        | {"cancelled_orders": 3, "cancelled_amount": Decimal("12.50"), "average_order_value": Decimal("31.10")}
        for number, day in enumerate(days)
    ]
    shop.rows["top_products"] = [
        {
            "order_date": day,
            "rank": rank,
            "product_id": rank,
            "product_name": NAMES[rank % len(NAMES)],
            "category": "toys",
        }
        | {"orders": 9, "units": 20 - rank, "revenue": Decimal(500 - 40 * rank)}
        for day in days[-3:]
        for rank in range(1, 11)
    ]
    shop.rows["gold_runs"] = [
        {"run_id": "r1", "run_number": 1, "command": "backfill", "status": "published", "started_at": NOW}
        | {"runtime_seconds": 30.0, "dates_built": ["2026-01-28"], "dates_held": []}
    ]


def another_batch(owner: Connection, number: int, subject: str = "orders", **fields: Any) -> None:
    """A batch that was finished now, and its table published."""
    insert(owner, "data_quality_metrics", [books(number, subject, started_at=datetime.now(UTC), **fields)])
    move_on(owner)
