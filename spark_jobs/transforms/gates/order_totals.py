"""The gate ``order_totals``: the lines of an order sum to the order's total_amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failing_rows import failing_rows, problem_unless, sentence

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SUM = "decimal(28,2)"


def order_totals(facts: DataFrame, orders: DataFrame) -> DataFrame:
    """Return the live orders whose lines in facts do not sum to their total_amount, to the cent: order_date, row, detail.

    An order without lines sums to 0.00, and one without a total_amount fails. A null line_total counts as nothing: that it is
    missing is for ``non_negative_money`` to say.
    """
    sums = facts.groupBy("order_id").agg(F.sum("line_total").alias("_lines"))
    ordered = orders.select("order_id", "order_date", "total_amount").join(sums, "order_id", "left")
    lines, total = F.coalesce(F.col("_lines"), F.lit(0)).cast(SUM), F.col("total_amount")
    problem = problem_unless(lines == total, "lines sum to ", lines, ", the order says ", total)
    return failing_rows(ordered, sentence("order ", F.col("order_id")), problem)
