"""basic_retention: how many of a month's new customers order again in later months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas_gold import BASIC_RETENTION
from spark_jobs.transforms.marts.shared import as_table, quotient, sales

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def basic_retention(facts: DataFrame) -> DataFrame:
    """Return one row per cohort and month in which a customer of it ordered: the columns of ``BASIC_RETENTION``.

    A cohort are the customers whose first order falls into that month (its first day); months_since counts months of
    the calendar from there. Cancelled orders neither begin a cohort nor make a customer active. retention_rate =
    active_customers / cohort_customers, to six places; 1 in month 0. A month in which none of the cohort ordered has no
    row. Nothing is null.
    """
    month = F.trunc("order_date", "month")
    active = sales(facts).select("customer_id", month.alias("month")).distinct()
    first = F.min("month").over(Window.partitionBy("customer_id"))
    counted = (
        active.withColumn("cohort_month", first)
        .groupBy("cohort_month", _months_between("month", "cohort_month").alias("months_since"))
        .agg(F.count("*").alias("active_customers"))
    )
    at_first = F.max(F.when(F.col("months_since") == 0, F.col("active_customers")))
    cohorts = counted.withColumn("cohort_customers", at_first.over(Window.partitionBy("cohort_month")))
    rate = quotient(F.col("active_customers"), F.col("cohort_customers"), 6)
    return as_table(cohorts.withColumn("retention_rate", rate), BASIC_RETENTION)


def _months_between(later: str, earlier: str) -> Column:
    return (F.year(later) - F.year(earlier)) * 12 + F.month(later) - F.month(earlier)
