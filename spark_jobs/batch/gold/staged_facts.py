"""The facts of some dates as they would be published: written, read back, and visible to no one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.storage.frames import read_frame, write_frame
from spark_jobs.storage.scans import read_parts
from spark_jobs.transforms.star import (
    fact_orders,
    fact_payments,
    live_items,
    live_orders,
    live_payments,
    on_days,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.lake import Lake
    from spark_jobs.storage.parts import Part

FACTS = ("fact_orders", "fact_payments")
#: Up to this many orders, facts are written by one task.
FEW_ORDERS = 50_000
_VERSION = ("valid_from", "valid_to", "is_current", "version")
#: Columns read from dim_customer and dim_product. What a mart needs is added here, in ``inputs.STAR`` and, for a mart with a date,
#: in ``changed_dates.FIELDS_OF_DATED_MARTS``.
DIMENSION_COLUMNS = {
    "customers": ("customer_key", "customer_id", "segment", *_VERSION),
    "products": ("product_key", "product_id", "product_name", "category", "price", *_VERSION),
}


@dataclass(frozen=True, slots=True)
class StagedFacts:
    """The facts of ``days``, by table the parts in which they were written, and the rows that they were made of.

    ``orders`` and ``items``: the dates' rows of Silver; ``customers`` and ``products``: all versions.
    """

    spark: SparkSession
    lake: Lake
    days: frozenset[date]
    orders: DataFrame
    items: DataFrame
    customers: DataFrame
    products: DataFrame
    parts: dict[str, list[Part]]
    orders_by_date: dict[date, int]

    @classmethod
    def build(cls, spark: SparkSession, lake: Lake, inputs: Inputs, days: Collection[date]) -> StagedFacts:
        """Write the facts of these dates. Done twice, they are written twice, and one of them is committed at most."""
        orders = live_orders(inputs.frame(spark, "orders").where(on_days(F.col("order_date"), days))).persist()
        counts, within = _order_counts(orders)
        lines = live_items(inputs.frame(spark, "order_items").where(within))
        items = lines.join(orders.select("order_id"), "order_id", "left_semi").persist()
        payments = live_payments(inputs.frame(spark, "payments").where(within))
        customers, products = (
            inputs.frame(spark, name).select(*columns).persist() for name, columns in DIMENSION_COLUMNS.items()
        )
        facts = {
            "fact_orders": fact_orders(orders, items, customers, products),
            "fact_payments": fact_payments(orders, payments, customers),
        }
        parts = {name: write_frame(_by_date(rows, counts), lake.gold(name)) for name, rows in facts.items()}
        return cls(spark, lake, frozenset(days), orders, items, customers, products, parts, counts)

    def unpersist(self) -> None:
        """Let go of the rows that were kept in memory, as every gate reads them."""
        for rows in (self.orders, self.items, self.customers, self.products):
            rows.unpersist()

    @property
    def rows_processed(self) -> int:
        """Rows of Silver that the facts were made of: orders, lines and payments."""
        return sum(self.orders_by_date.values()) + sum(part.rows for parts in self.parts.values() for part in parts)

    def facts(self, name: str, days: Collection[date] | None = None) -> DataFrame:
        """Return the facts as they were written: of all the dates, or of these."""
        rows = read_frame(self.spark, self.lake.gold(name), self.parts[name])
        return rows if days is None or frozenset(days) == self.days else rows.where(_is_among(days))

    def parts_of(self, name: str, days: Collection[date]) -> list[Part]:
        """Return parts that hold the facts of just these dates; they are written again where others are among them."""
        if frozenset(days) == self.days:
            return self.parts[name]
        return write_frame(_by_date(self.facts(name, days), self.orders_by_date), self.lake.gold(name)) if days else []

    def columns(self, name: str, columns: list[str]) -> pa.Table:
        """Return some columns of the facts, read without Spark."""
        return read_parts(self.lake.gold(name), self.parts[name], columns)


def _order_counts(orders: DataFrame) -> tuple[dict[date, int], Column]:
    """Count the orders of each date, and bound their numbers: by these bounds files of lines and payments are left out."""
    number = F.col("order_id")
    counts = orders.groupBy("order_date").agg(
        F.count("*").alias("orders"), F.min(number).alias("low"), F.max(number).alias("high")
    )
    rows = counts.collect()
    if not rows:
        return {}, F.lit(False)
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    return {row["order_date"]: row["orders"] for row in rows}, number.between(low, high)


def _by_date(rows: DataFrame, orders: Mapping[date, int]) -> DataFrame:
    """Put dates close together, so that a file and a row group hold few of them; lines in the order of their orders.

    A few rows are one part: to find out how to spread them would cost more than to sort them.
    """
    is_small = sum(orders.values()) <= FEW_ORDERS
    spread = rows.coalesce(1) if is_small else rows.repartitionByRange("order_date")
    return spread.sortWithinPartitions("order_date", "order_id", rows.columns[0])


def _is_among(days: Iterable[date]) -> Column:
    return F.col("order_date").isin(sorted(days))
