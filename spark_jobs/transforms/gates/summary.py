"""The results of all gates over DataFrames as one query, so that one job judges every date."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Mapping


def summarize_gates(gates: Mapping[str, DataFrame], shown: int) -> DataFrame:
    """Return the gates that failed: gate STRING, order_date DATE, failing BIGINT, rows ARRAY<STRING>; one row per gate and date.

    ``gates``: the result of each gate (order_date, row, detail), by its name; at least one. ``rows`` are the first ``shown`` by the
    text of row and then of detail, as 'row: detail'. A gate that passes on a date has no row. Memory is that of the rows shown:
    a date whose rows all fail is sorted, not collected.
    """
    group = ("gate", "order_date")
    first = Window.partitionBy(*group).orderBy("row", "detail")
    text = F.struct("_place", F.concat_ws(": ", "row", "detail").alias("text"))
    placed = _together(gates).withColumn("_place", F.row_number().over(first))
    kept = F.collect_list(F.when(F.col("_place") <= shown, text))
    return (
        placed.groupBy(*group)
        .agg(F.count("*").alias("failing"), F.sort_array(kept).alias("_rows"))
        .select(*group, "failing", F.col("_rows.text").alias("rows"))
    )


def _together(gates: Mapping[str, DataFrame]) -> DataFrame:
    named = [rows.select(F.lit(name).alias("gate"), "order_date", "row", "detail") for name, rows in gates.items()]
    return reduce(DataFrame.unionByName, named)
