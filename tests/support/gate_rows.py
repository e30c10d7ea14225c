"""Rows of a small shop that pass every gate, to be broken one at a time; and frames of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]

FACTS = (
    "order_item_id BIGINT, order_id BIGINT, date_key INT, order_time TIMESTAMP, customer_id BIGINT, customer_key BIGINT, "
    "product_id BIGINT, product_key BIGINT, status STRING, quantity INT, unit_price DECIMAL(18,2), line_total DECIMAL(18,2), "
    "order_date DATE"
)
PAYMENTS = (
    "payment_id BIGINT, order_id BIGINT, date_key INT, customer_id BIGINT, customer_key BIGINT, method STRING, status STRING, "
    "amount DECIMAL(18,2), paid_at TIMESTAMP, order_date DATE"
)
ORDERS = "order_id BIGINT, customer_id BIGINT, order_time TIMESTAMP, order_date DATE, status STRING, total_amount DECIMAL(18,2)"
ITEMS = (
    "order_item_id BIGINT, order_id BIGINT, product_id BIGINT, quantity INT, unit_price DECIMAL(18,2), "
    "line_total DECIMAL(18,2)"
)
CUSTOMERS = (
    "customer_key BIGINT, customer_id BIGINT, city STRING, valid_from TIMESTAMP, valid_to TIMESTAMP, is_current BOOLEAN, "
    "version INT"
)
PRODUCTS = (
    "product_key BIGINT, product_id BIGINT, price DECIMAL(18,2), valid_from TIMESTAMP, valid_to TIMESTAMP, "
    "is_current BOOLEAN, version INT"
)
DATES = "date_key INT, date DATE"
GATE = "order_date DATE, row STRING, detail STRING"

MONDAY, TUESDAY, WEDNESDAY = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
DAYS = [(20260105, MONDAY), (20260106, TUESDAY), (20260107, WEDNESDAY)]


def at(day: int, hour: int = 0) -> datetime:
    """A moment of January 2026."""
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def money(text: str) -> Decimal:
    return Decimal(text)


def line(number: int | None, **other: Any) -> Row:
    """Line ``number`` of order 1, placed on Monday at noon by customer 12: 2 pieces of product 7 at 5.00."""
    row: Row = {
        "order_item_id": number, "order_id": 1, "date_key": 20260105, "order_time": at(5, 12), "customer_id": 12,
        "customer_key": 1201, "product_id": 7, "product_key": 701, "status": "shipped", "quantity": 2,
        "unit_price": money("5.00"), "line_total": money("10.00"), "order_date": MONDAY,
    }  # fmt: skip
    return row | other


def on_tuesday(number: int, **other: Any) -> Row:
    """Line ``number`` of order 2, placed on Tuesday at noon, when customer 12 had moved."""
    there = {"order_id": 2, "date_key": 20260106, "order_time": at(6, 12), "customer_key": 1202, "order_date": TUESDAY}
    return line(number, **(there | other))


def order(number: int, total: str | None = "10.00", day: date | None = MONDAY) -> Row:
    total_amount = None if total is None else money(total)
    return {"order_id": number, "customer_id": 12, "order_date": day, "status": "shipped", "total_amount": total_amount}


def item(number: int, order_id: int = 1) -> Row:
    return {"order_item_id": number, "order_id": order_id, "product_id": 7, "quantity": 2}


def payment(number: int, **other: Any) -> Row:
    """Payment ``number`` of order 1."""
    row: Row = {
        "payment_id": number, "order_id": 1, "date_key": 20260105, "customer_id": 12, "customer_key": 1202,
        "method": "card", "status": "captured", "amount": money("10.00"), "order_date": MONDAY,
    }  # fmt: skip
    return row | other


def version(
    key: int | None,
    natural: int,
    number: int | None,
    since: datetime | None,
    until: datetime | None,
    current: bool | None,
) -> tuple[Any, ...]:
    """A version's surrogate key, natural key, number and bounds."""
    return (key, natural, None, since, until, current, number)


#: Customer 12 lived at one place until Tuesday, and has lived at another since.
MOVED = [version(1201, 12, 1, at(1), at(6), False), version(1202, 12, 2, at(6), OPEN, True)]
CUP = [version(701, 7, 1, at(1), OPEN, True)]


def frame(spark: SparkSession, rows: Sequence[Any], schema: str) -> DataFrame:
    """The rows under this schema; what a row does not say is null."""
    names = [column.split()[0] for column in schema.split(", ")]
    values = [[row.get(name) for name in names] if isinstance(row, dict) else list(row) for row in rows]
    return spark.createDataFrame(values, schema)


def told(found: DataFrame) -> list[tuple[date | None, str, str]]:
    """What a gate found, as (order_date, row, detail), in order."""
    assert found.columns == ["order_date", "row", "detail"]
    return sorted([tuple(row) for row in found.collect()], key=str)
