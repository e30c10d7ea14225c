"""The gate ``scd2_consistency``: the versions of every member that facts name follow each other without overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failing_rows import failing_rows, problem_unless, sentence
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def scd2_consistency(facts: DataFrame, customers: DataFrame, products: DataFrame) -> DataFrame:
    """Return the wrong versions of members that ``facts`` name, once for each order_date on which they do: order_date, row, detail.

    Of each member's versions, in the order of valid_from: each begins before it ends, none before an earlier one has ended,
    they are numbered 1, 2, 3…; a surrogate key is that of no other version in the dimension; the one whose valid_to is open,
    and no other, is current, and there is at most one.
    """
    return _wrong_versions(facts, customers, "customer").unionByName(_wrong_versions(facts, products, "product"))


def _wrong_versions(facts: DataFrame, dimension: DataFrame, name: str) -> DataFrame:
    row = sentence(f"{name} ", F.col(f"{name}_id"), " version ", F.col("version"))
    problems = (*_bounds(), *_numbers(), *_currency(), _shared_key(f"{name}_key"))
    versions = _with_neighbours(_named(facts, dimension, name), name).withColumn(
        "_detail", F.concat_ws("; ", *problems)
    )
    wrong = versions.where(F.col("_detail") != "").withColumn("_row", row).select(f"{name}_id", "_row", "_detail")
    naming = facts.select(f"{name}_id", "order_date").join(F.broadcast(wrong), f"{name}_id", "inner").distinct()
    return failing_rows(naming, F.col("_row"), F.col("_detail"))


def _named(facts: DataFrame, dimension: DataFrame, name: str) -> DataFrame:
    """Return the versions of the members that facts name, with how many versions of the dimension have the same key."""
    natural, surrogate = f"{name}_id", f"{name}_key"
    columns = (natural, surrogate, "valid_from", "valid_to", "is_current", "version")
    versions = dimension.select(*columns).join(facts.select(natural).distinct(), natural, "left_semi")
    shared = dimension.groupBy(surrogate).agg(F.count("*").alias("_sharing")).where(F.col("_sharing") > 1)
    return versions.join(F.broadcast(shared), surrogate, "left")


def _with_neighbours(versions: DataFrame, name: str) -> DataFrame:
    """Add each version's place in the order of time, when the latest earlier one ends, and how many are current."""
    member = Window.partitionBy(f"{name}_id")
    ordered = member.orderBy("valid_from", "valid_to", f"{name}_key")
    earlier = ordered.rowsBetween(Window.unboundedPreceding, -1)
    whole = member.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return versions.withColumns(
        {
            "_place": F.row_number().over(ordered),
            "_until": F.max("valid_to").over(earlier),
            "_current": F.count_if("is_current").over(whole),
        }
    )


def _bounds() -> tuple[Column, Column]:
    begins, ends, until = F.col("valid_from"), F.col("valid_to"), F.col("_until")
    empty = problem_unless(begins < ends, "valid_from ", begins, " is not before valid_to ", ends)
    overlaps = F.when(begins < until, sentence("begins at ", begins, ", an earlier version lasts until ", until))
    return empty, overlaps


def _numbers() -> tuple[Column]:
    place = F.col("_place")
    return (problem_unless(F.col("version") == place, "comes as number ", place, " in the order of valid_from"),)


def _currency() -> tuple[Column, Column]:
    current, ends = F.col("is_current"), F.col("valid_to")
    unlike = problem_unless(current == (ends == F.lit(OPEN)), "is_current is ", current, ", valid_to is ", ends)
    several = F.when(current & (F.col("_current") > 1), sentence("one of ", F.col("_current"), " current versions"))
    return unlike, several


def _shared_key(surrogate: str) -> Column:
    key, sharing = F.col(surrogate), F.col("_sharing")
    shared = F.when(sharing > 1, sentence(f"{surrogate} ", key, " is that of ", sharing, " versions"))
    return F.when(key.isNull(), sentence(f"{surrogate} is missing")).otherwise(shared)
