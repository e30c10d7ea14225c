"""Tables of the lake as DataFrames, for batch jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.storage.table import Table


def read(spark: SparkSession, table: Table) -> DataFrame:
    """A table, or no rows of its shape where nothing was written yet."""
    if open_table(table.path) is None:
        return spark.createDataFrame(table.schema.empty_table())
    return spark.read.format("delta").load(table.path)
