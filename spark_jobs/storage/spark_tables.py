"""A table read by Spark. Apart from ``frames``, which workers import, so that they need not load delta-rs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.storage.table import Table


def read_table(spark: SparkSession, table: Table) -> DataFrame:
    """Return a table as a frame; where nothing was written yet, a frame of the table's columns without rows."""
    if open_table(table.path) is None:
        return spark.createDataFrame(table.schema.empty_table())
    return spark.read.format("delta").load(table.path)
