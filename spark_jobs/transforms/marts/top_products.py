"""top_products: what sold best on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas_gold import TOP_PRODUCTS
from spark_jobs.transforms.marts.shared import as_table, sales

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def top_products(facts: DataFrame, products: DataFrame, limit: int) -> DataFrame:
    """Return one row per date and rank from 1 to ``limit``: the columns of ``TOP_PRODUCTS``. Cancelled orders are left out.

    Ranked by revenue (sum of lines), then units, then the smaller product_id: no two products share a rank, and a date
    with fewer products has fewer rows. product_name and category are of the newest version (greatest valid_from) among
    those that the date's lines point to; null where they point to none but an inferred member.
    """
    named = F.struct("product_name", "category")
    sold = (
        sales(facts)
        .join(products.select("product_key", "product_name", "category", "valid_from"), "product_key", "left")
        .groupBy("order_date", "product_id")
        .agg(
            F.count_distinct("order_id").alias("orders"),
            F.sum("quantity").alias("units"),
            F.sum("line_total").alias("revenue"),
            F.max_by(named, "valid_from").alias("_named"),
        )
    )
    best = Window.partitionBy("order_date").orderBy(F.desc("revenue"), F.desc("units"), "product_id")
    ranked = sold.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= limit)
    return as_table(ranked.select("*", "_named.*"), TOP_PRODUCTS)
