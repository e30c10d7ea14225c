"""The gate ``row_counts``: facts hold every live line of a live order once, under its order's date, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failing_rows import failing_rows, sentence

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def row_counts(facts: DataFrame, orders: DataFrame, items: DataFrame) -> DataFrame:
    """Return the order lines that facts do not hold as Silver does, under each date where they differ: order_date, row, detail.

    ``orders`` and ``items`` are the live rows of the dates that ``facts`` are of. A line under another date than its order's holds
    both dates back; one that stands in both places, only the wrong one. Lines without an id are one line. That an id occurs once in
    Silver is Silver's own promise; here it shows where both of its rows are of one date.
    """
    found = _with_other_date(_unequal(facts, orders, items))
    counts = sentence(_times("_silver"), " in Silver, ", _times("_facts"), " in facts under ", F.col("order_date"))
    moved = sentence("under ", F.col("_facts_date"), " in facts, its order is of ", F.col("_silver_date"))
    return failing_rows(
        found, sentence("order line ", F.col("order_item_id")), F.when(_has_moved(), moved).otherwise(counts)
    )


def _unequal(facts: DataFrame, orders: DataFrame, items: DataFrame) -> DataFrame:
    """Return the lines and dates where Silver and facts do not both hold the line once, with how often each does."""
    placed = orders.select("order_id", "order_date")
    expected = items.select("order_item_id", "order_id").join(placed, "order_id", "inner")
    both = _side(expected, in_silver=True).unionByName(_side(facts, in_silver=False))
    in_silver = F.col("_in_silver")
    counts = (F.count_if(in_silver).alias("_silver"), F.count_if(~in_silver).alias("_facts"))
    return both.groupBy("order_item_id", "order_date").agg(*counts).where("_silver <> 1 OR _facts <> 1")


def _with_other_date(unequal: DataFrame) -> DataFrame:
    """Add where else the same line differs, which shows that it moved. Only lines that differ are looked at, so it costs little."""
    line = Window.partitionBy("order_item_id").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    silver, facts, day = F.col("_silver"), F.col("_facts"), F.col("order_date")
    return unequal.withColumns(
        {
            "_in_silver": F.sum(silver).over(line),
            "_in_facts": F.sum(facts).over(line),
            "_silver_date": F.max(F.when(silver > 0, day)).over(line),
            "_facts_date": F.max(F.when(facts > 0, day)).over(line),
        }
    )


def _has_moved() -> Column:
    """True if the line is once on each side, and yet unequal: so under two dates."""
    return (F.col("_in_silver") == 1) & (F.col("_in_facts") == 1)


def _side(rows: DataFrame, *, in_silver: bool) -> DataFrame:
    return rows.select("order_item_id", "order_date", F.lit(in_silver).alias("_in_silver"))


def _times(count: str) -> Column:
    number = F.col(count)
    several = F.concat(number.cast("string"), F.lit(" times"))
    return F.when(number == 0, "not").when(number == 1, "once").otherwise(several)
