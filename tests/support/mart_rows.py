"""Rows of the star for the tests of marts: facts, payments, versions, with what matters named and the rest filled in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.schemas_gold import DATE, FACT_ORDERS, FACT_PAYMENTS, MONEY
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.schemas_gold import GoldTable

_VERSION = [("valid_from", TIMESTAMP), ("valid_to", TIMESTAMP), ("is_current", pa.bool_()), ("version", pa.int32())]
PRODUCTS = pa.schema(
    [
        ("product_key", pa.int64()),
        ("product_id", pa.int64()),
        ("product_name", pa.string()),
        ("category", pa.string()),
        ("price", MONEY),
        ("margin_percentage", pa.decimal128(24, 2)),
        *_VERSION,
    ]
)
CUSTOMERS = pa.schema([("customer_key", pa.int64()), ("customer_id", pa.int64()), ("segment", pa.string()), *_VERSION])
ORDERS = pa.schema(
    [
        ("order_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("order_time", TIMESTAMP),
        ("order_date", DATE),
        ("status", pa.string()),
        ("total_amount", MONEY),
    ]
)
DATED = pa.schema([("subject", pa.string()), ("event_date", DATE)])

_numbers = count(1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fact(order_id: int, on: str, amount: str = "10.00", **given: Any) -> dict[str, Any]:
    """A line of an order: of customer 1, product 1 (known under the key 1), delivered, one piece."""
    return {
        "order_item_id": next(_numbers),
        "order_id": order_id,
        "order_date": day(on),
        "order_time": moment(on),
        "customer_id": 1,
        "product_id": 1,
        "product_key": 1,
        "status": "delivered",
        "quantity": 1,
        "line_total": Decimal(amount),
    } | given


def payment(order_id: int, on: str, status: str, amount: str = "10.00", **given: Any) -> dict[str, Any]:
    """A payment of an order of that day, of customer 1."""
    named = {"payment_id": next(_numbers), "order_id": order_id, "order_date": day(on), "customer_id": 1}
    return named | {"status": status, "amount": Decimal(amount)} | given


def order(order_id: int, on: str, status: str, amount: str = "10.00") -> dict[str, Any]:
    return {"order_id": order_id, "order_date": day(on), "status": status, "total_amount": Decimal(amount)}


def version(product_id: int, begins: str, price: str, ends: str | None = None, **given: Any) -> dict[str, Any]:
    """A version of a product, open where no end is named; its name is told by its beginning."""
    until = OPEN if ends is None else moment(ends)
    bounds = {"valid_from": moment(begins), "valid_to": until, "is_current": ends is None}
    named = {"product_key": next(_numbers), "product_id": product_id, "product_name": f"since {begins}"}
    return named | {"category": "things", "price": Decimal(price)} | bounds | given


def frame(spark: SparkSession, shape: pa.Schema | GoldTable, rows: list[dict[str, Any]]) -> DataFrame:
    """The rows as a frame of that shape; what a row does not name is null."""
    schema = shape if isinstance(shape, pa.Schema) else shape.schema
    return spark.createDataFrame(pa.Table.from_pylist(rows, schema))


def facts(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return frame(spark, FACT_ORDERS, list(rows))


def payments(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return frame(spark, FACT_PAYMENTS, list(rows))


def told(mart: DataFrame, table: GoldTable) -> list[tuple[Any, ...]]:
    """A mart's rows in order, once it is known to have exactly the table's columns."""
    want = [(column.name, column.dataType) for column in from_arrow_schema(table.schema)]
    assert [(column.name, column.dataType) for column in mart.schema] == want
    return sorted(
        (tuple(row) for row in mart.collect()), key=lambda row: tuple((value is None, value) for value in row)
    )
