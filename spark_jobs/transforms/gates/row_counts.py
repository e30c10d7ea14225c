"""The gate ``row_counts``: facts hold every live line of a live order once, under its order's date, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failures import failures, told, unless

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def row_counts(facts: DataFrame, orders: DataFrame, items: DataFrame) -> DataFrame:
    """The order lines that are not in facts exactly as often as in Silver, which is once: order_date, row, detail.

    ``orders`` and ``items`` are the live rows of the dates that ``facts`` are of. A line that stands under another date than its
    order's holds both dates back. Lines without an id are one line.
    """
    found = _counted(facts, orders, items)
    silver, held = F.col("_silver"), F.col("_facts")
    counts = unless((silver == 1) & (held == 1), _times(silver), " in Silver, ", _times(held), " in facts")
    day, right = F.col("_facts_date"), F.col("_silver_date")
    dates = unless(day.eqNullSafe(right), "under ", day, " in facts, its order is of ", right)
    return failures(found, told("order line ", F.col("order_item_id")), F.coalesce(counts, dates)).distinct()


def _counted(facts: DataFrame, orders: DataFrame, items: DataFrame) -> DataFrame:
    """Each line wherever it stands, with how often it is on both sides and under which date, over all dates."""
    placed = orders.select("order_id", "order_date")
    meant = items.select("order_item_id", "order_id").join(placed, "order_id", "inner")
    both = _side(meant, in_silver=True).unionByName(_side(facts, in_silver=False))
    line = Window.partitionBy("order_item_id").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    in_silver, day = F.col("_in_silver"), F.col("order_date")
    return both.withColumns(
        {
            "_silver": F.count_if(in_silver).over(line),
            "_facts": F.count_if(~in_silver).over(line),
            "_silver_date": F.min(F.when(in_silver, day)).over(line),
            "_facts_date": F.min(F.when(~in_silver, day)).over(line),
        }
    )


def _side(rows: DataFrame, *, in_silver: bool) -> DataFrame:
    return rows.select("order_item_id", "order_date", F.lit(in_silver).alias("_in_silver"))


def _times(count: Column) -> Column:
    return F.when(count == 0, "not").when(count == 1, "once").otherwise(F.concat(count.cast("string"), F.lit(" times")))
