"""The marts, brought up to date: those with a date for the dates that are released, the others from all published facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.batch.gold.commits import Commit, prepare_update
from spark_jobs.batch.gold.staged_facts import FACTS
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.spark_tables import read_table
from spark_jobs.transforms.marts.basic_retention import basic_retention
from spark_jobs.transforms.marts.customer_lifetime_value import customer_lifetime_value
from spark_jobs.transforms.marts.customer_segments import customer_segments
from spark_jobs.transforms.marts.daily_gmv import daily_gmv
from spark_jobs.transforms.marts.orders_by_status import orders_by_status
from spark_jobs.transforms.marts.price_volatility import price_volatility
from spark_jobs.transforms.marts.refund_rate import refund_rate
from spark_jobs.transforms.marts.top_products import top_products
from spark_jobs.transforms.star import inferred_members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.batch.gold.staged_facts import StagedFacts
    from spark_jobs.lake import Lake


#: Columns of the facts kept for marts without a date; those with a date see every column.
USED_COLUMNS = {
    "fact_orders": (
        "order_id",
        "order_date",
        "order_time",
        "customer_id",
        "customer_key",
        "product_key",
        "status",
        "quantity",
        "line_total",
    ),
    "fact_payments": ("order_id", "order_date", "customer_id", "status", "amount"),
}


def dated_mart_commits(staged: StagedFacts, days: Collection[date], top: int) -> Iterator[Commit | None]:
    """Yield what brings the marts that have a date up to date for these dates; None for a mart that does not change."""
    facts, payments = (staged.facts(name, days) for name in FACTS)
    orders = staged.orders.where(staged.orders["order_date"].isin(sorted(days)))
    wanted = {
        "daily_gmv": daily_gmv(facts),
        "orders_by_status": orders_by_status(orders),
        "refund_rate": refund_rate(payments),
        "top_products": top_products(facts, staged.products, top),
    }
    for name, rows in wanted.items():
        table = staged.lake.gold(name)
        existing = rows_with_keys(table, pa.array(sorted(days), pa.date32()), table.schema.names)
        yield prepare_update(table, rows.toArrow(), existing)


def undated_mart_commits(
    lake: Lake, facts: DataFrame, payments: DataFrame, customers: DataFrame, products: DataFrame
) -> Iterator[Commit | None]:
    """Yield what brings the marts of all published facts up to date; None for a mart that does not change."""
    wanted = {
        "inferred_members": inferred_members(facts),
        "basic_retention": basic_retention(facts),
        "customer_lifetime_value": customer_lifetime_value(facts, payments),
        "customer_segments": customer_segments(facts, payments, customers),
        "price_volatility": price_volatility(products),
    }
    for name, rows in wanted.items():
        table = lake.gold(name)
        yield prepare_update(table, rows.toArrow(), all_rows(table, table.schema.names))


def released_facts(
    spark: SparkSession, lake: Lake, name: str, staged: StagedFacts | None, days: Collection[date]
) -> DataFrame:
    """Return the facts as they will be published: those of these dates as staged, all others as they are in the table."""
    table, columns = lake.gold(name), USED_COLUMNS[name]
    staged_rows = staged.facts(name, days).select(*columns) if staged is not None and days else None
    if staged_rows is not None and not count_rows(table):
        return staged_rows
    existing = read_table(spark, table).select(*columns)
    if staged_rows is None:
        return existing
    return existing.where(~existing["order_date"].isin(sorted(days))).unionByName(staged_rows)
