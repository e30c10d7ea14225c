"""Four questions put to the star: in Spark over its Delta tables, in DuckDB over the same Parquet files.

Both are given the same text of SQL.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.delta_log import read_log
from spark_jobs.storage.live_files import LiveFile
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.scd2 import OPEN, surrogate_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.stage import Stage
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

BEGIN, DAYS = date(2025, 10, 1), 90
LINES_AN_ORDER = 2.7
CUSTOMERS, PRODUCTS, VERSIONS = 50_000, 2_000, 10
PAIRS = 10_000
#: A commit of gold holds the dates of one run.
DATES_A_COMMIT = 9
ROUNDS = 5

QUERIES: Mapping[str, str] = {
    "daily_revenue": """
        SELECT order_date, count(DISTINCT order_id) AS orders, sum(line_total) AS revenue
        FROM fact_orders WHERE status <> 'cancelled' GROUP BY order_date""",
    "top_products": """
        SELECT order_date, place, product_id, revenue FROM (
            SELECT *, row_number() OVER (PARTITION BY order_date ORDER BY revenue DESC, units DESC, product_id) AS place
            FROM (
                SELECT order_date, product_id, sum(line_total) AS revenue, sum(quantity) AS units
                FROM fact_orders WHERE status <> 'cancelled' GROUP BY order_date, product_id
            ) AS sold
        ) AS ranked WHERE place <= 10""",
    "lifetime_value": """
        SELECT bought.customer_id, orders, gross, gross - coalesce(given_back, 0) AS lifetime_value
        FROM (
            SELECT customer_id, count(DISTINCT order_id) AS orders, sum(line_total) AS gross
            FROM fact_orders WHERE status <> 'cancelled' GROUP BY customer_id
        ) AS bought LEFT JOIN (
            SELECT customer_id, sum(amount) AS given_back
            FROM fact_payments WHERE status = 'refunded' GROUP BY customer_id
        ) AS refunds ON bought.customer_id = refunds.customer_id""",
    "price_at": """
        SELECT pairs.number, price FROM pairs
        JOIN dim_product AS p ON p.product_id = pairs.product_id
            AND p.valid_from <= pairs.moment AND pairs.moment < p.valid_to""",
}
TABLES = ("fact_orders", "fact_payments", "dim_product")


def measure(stage: Stage, lines: int) -> dict[str, Any]:
    """Median seconds of each question in both, from its text to its rows in Arrow, in turns; and whether the rows are equal."""
    tables = _star(stage, lines)
    spark, duck = _in_spark(stage, tables), _in_duckdb(tables)
    figures = {name: _compared(text, spark, duck) for name, text in QUERIES.items()}
    assert all(each["equal"] for each in figures.values()), figures
    return {"lines": lines, "files": len(list(Path(tables["fact_orders"].path).glob("*.parquet"))), **figures}


def _compared(text: str, *engines: Callable[[str], pa.Table]) -> dict[str, Any]:
    seconds: tuple[list[float], ...] = tuple([] for _ in engines)
    found = [set(_plain(engine(text))) for engine in engines]  # this also warms them up
    for _ in range(ROUNDS):
        for engine, took in zip(engines, seconds, strict=True):
            began = time.perf_counter()
            engine(text)
            took.append(time.perf_counter() - began)
    spark, duck = (statistics.median(took) for took in seconds)
    return {
        "rows": len(found[0]),
        "spark_seconds": round(spark, 3),
        "duckdb_seconds": round(duck, 3),
        "spark_to_duckdb": round(spark / duck, 1),
        "equal": bool(found[0]) and all(rows == found[0] for rows in found),
    }


def _plain(rows: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def _in_spark(stage: Stage, tables: Mapping[str, Table]) -> Callable[[str], pa.Table]:
    for name, table in tables.items():
        stage.spark.read.format("delta").load(table.path).createOrReplaceTempView(name)
    stage.spark.createDataFrame(_pairs()).cache().createOrReplaceTempView("pairs")
    return lambda text: stage.spark.sql(text).toArrow()


def _in_duckdb(tables: Mapping[str, Table]) -> Callable[[str], pa.Table]:
    """DuckDB in this process over the live files, of which none has a deletion vector: it would not see one."""
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    for name, table in tables.items():
        snapshot = read_log(table.path)
        assert snapshot is not None
        assert not any(add.get("deletionVector") for add in snapshot.files.values())
        files = [str(LiveFile(Path(table.path), path, {}).absolute) for path in snapshot.files]
        duck.read_parquet(files).create_view(name)
    duck.register("pairs", _pairs())
    return lambda text: duck.sql(text).to_arrow_table()


def _pairs() -> pa.Table:
    """Products and moments within the days of the star, some of them before a product's first version."""
    rng = np.random.default_rng([42, PAIRS])
    begin = int(_moment(BEGIN).timestamp()) * 1_000_000
    moments = begin + rng.integers(0, DAYS * 86_400_000_000, PAIRS)
    return pa.table(
        {
            "number": pa.array(np.arange(PAIRS)),
            "product_id": pa.array(rng.integers(1, PRODUCTS + 1, PAIRS)),
            "moment": pa.array(moments).cast(TIMESTAMP),
        }
    )


def _star(stage: Stage, lines: int) -> Mapping[str, Table]:
    """The star's tables with that many lines, written as a gold run writes them: some dates a commit."""
    lake, _ = stage.lake("star")
    history = lake.history(stage.registry.subject("products"))
    assert history is not None
    rng = np.random.default_rng([42, lines])
    products = _products(history, rng)
    replace_once(history, write_parts(history, products), writer="bench", version=0)
    facts, payments = _facts(lake, products, lines, rng)
    for table, rows in ((lake.gold("fact_orders"), facts), (lake.gold("fact_payments"), payments)):
        _write(table, rows)
    return dict(zip(TABLES, (lake.gold("fact_orders"), lake.gold("fact_payments"), history), strict=True))


def _write(table: Table, rows: pa.Table) -> None:
    for number, first in enumerate(range(0, DAYS, DATES_A_COMMIT)):
        low, high = (BEGIN + timedelta(days=day) for day in (first, first + DATES_A_COMMIT))
        dates = rows["order_date"]
        some = rows.filter(pc.and_(pc.greater_equal(dates, low), pc.less(dates, high)))
        replace_once(table, write_parts(table, some), writer="bench", version=number)


def _products(history: Table, rng: np.random.Generator) -> pa.Table:
    """Every product's versions, each with a price of its own; the first begin before or within the star's days."""
    ids = np.repeat(np.arange(1, PRODUCTS + 1), VERSIONS)
    begins = np.sort(rng.integers(-30 * 86_400, DAYS * 86_400, (PRODUCTS, VERSIONS)), axis=1)
    begins += np.arange(VERSIONS)  # no two of a product at the same second
    starts = (begins + int(_moment(BEGIN).timestamp())) * 1_000_000
    end = np.full((PRODUCTS, 1), int(OPEN.timestamp()) * 1_000_000)
    from_, to = (pa.array(each.ravel()).cast(TIMESTAMP) for each in (starts, np.hstack([starts[:, 1:], end])))
    price = _money(rng.integers(100, 50_000, len(ids)))
    key = surrogate_keys(pa.table({"product_id": ids}), ("product_id",), pa.chunked_array([from_]))
    return _filled(
        history,
        product_key=key,
        product_id=pa.array(ids),
        product_name=pa.array([f"Product {n}" for n in ids.tolist()]),
        category=pa.array([f"Category {n % 20}" for n in ids.tolist()]),
        price=price,
        valid_from=from_,
        valid_to=to,
        is_current=pa.array(np.tile(np.arange(VERSIONS) == VERSIONS - 1, PRODUCTS)),
        version=pa.array(np.tile(np.arange(1, VERSIONS + 1), PRODUCTS)),
    )


def _facts(lake: Lake, products: pa.Table, lines: int, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """Lines of orders over the days, products by popularity at the price of one of their versions; a payment for each order."""
    orders = int(lines / LINES_AN_ORDER)
    order = np.sort(rng.integers(0, orders, lines))
    seconds = np.sort(rng.integers(0, DAYS * 86_400, orders))
    customer = 1 + (CUSTOMERS * rng.random(orders) ** 2).astype(np.int64)
    status = np.asarray(["delivered", "shipped", "pending", "cancelled"], object)
    statuses = status[np.searchsorted([0.7, 0.85, 0.94], rng.random(orders))]
    chosen = (PRODUCTS * rng.random(lines) ** 2).astype(np.int64) * VERSIONS + rng.integers(0, VERSIONS, lines)
    cents = pc.multiply(products["price"], 100).cast(pa.int64()).to_numpy()[chosen]
    quantity = 1 + (5 * rng.random(lines) ** 3).astype(np.int64)
    of_order = _of_orders(seconds)
    facts = _filled(
        lake.gold("fact_orders"),
        order_item_id=pa.array(np.arange(1, lines + 1)),
        order_id=pa.array(order + 1),
        customer_id=pa.array(customer[order]),
        customer_key=pa.array(customer[order]),
        product_id=products["product_id"].take(pa.array(chosen)),
        product_key=products["product_key"].take(pa.array(chosen)),
        status=pa.array(statuses[order]),
        quantity=pa.array(quantity),
        unit_price=_money(cents),
        line_total=_money(cents * quantity),
        **{name: column.take(pa.array(order)) for name, column in of_order.items()},
    )
    total = np.bincount(order, cents * quantity, orders).astype(np.int64)
    paid = np.asarray(["captured", "refunded", "failed"], object)[np.searchsorted([0.9, 0.96], rng.random(orders))]
    payments = _filled(
        lake.gold("fact_payments"),
        payment_id=pa.array(np.arange(1, orders + 1)),
        order_id=pa.array(np.arange(1, orders + 1)),
        customer_id=pa.array(customer),
        customer_key=pa.array(customer),
        method=pa.repeat("card", orders),
        status=pa.array(paid),
        amount=_money(total),
        paid_at=of_order["order_time"],
        date_key=of_order["date_key"],
        order_date=of_order["order_date"],
    )
    return facts, payments


def _of_orders(seconds: np.ndarray) -> dict[str, pa.Array]:
    """When each order was placed: the time, its date and the date's key."""
    moment = pa.array((seconds + int(_moment(BEGIN).timestamp())) * 1_000_000).cast(TIMESTAMP)
    days = pc.add(pc.multiply(pc.year(moment), 10_000), pc.add(pc.multiply(pc.month(moment), 100), pc.day(moment)))
    return {
        "order_time": moment,
        "date_key": days,
        "order_date": moment.cast(pa.timestamp("us")).cast(pa.date32(), safe=False),
    }


def _money(cents: np.ndarray) -> pa.Array:
    return pc.divide(pa.array(cents).cast(pa.decimal128(28, 2)), pa.scalar(Decimal(100))).cast(pa.decimal128(18, 2))


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _filled(table: Table, **given: pa.Array) -> pa.Table:
    """The table's columns: those given, the others null."""
    size = len(next(iter(given.values())))
    columns = [given.get(field.name, pa.nulls(size, field.type)) for field in table.schema]
    return pa.table(columns, names=table.schema.names).cast(table.schema)
