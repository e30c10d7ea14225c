"""The gate ``referential_integrity``: the keys of a fact point to the date, the customer and the product that it is about."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.transforms.gates.failing_rows import failing_rows, problem_unless, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column


def referential_integrity(
    facts: DataFrame, payments: DataFrame, customers: DataFrame, products: DataFrame, dates: DataFrame
) -> DataFrame:
    """Return the lines and payments with a key that points to nothing, or to something else: order_date, row, detail.

    ``customers``, ``products`` and ``dates`` are the dimensions. A line's customer_key and product_key are those of the version
    of its customer_id and product_id that holds at order_time, or, where none holds, of the inferred member. A payment has no
    order_time: its customer_key is that of any version of its customer, or of the inferred member.
    """
    days = F.broadcast(dates.select("date_key", F.col("date").alias("_date")))
    buyers = _members(customers, "customer", facts, payments)
    lines = facts.join(days, "date_key", "left").join(buyers, "customer_id", "left")
    lines = lines.join(_members(products, "product", facts), "product_id", "left")
    paid = payments.join(days, "date_key", "left").join(buyers, "customer_id", "left")
    line, payment = sentence("order line ", F.col("order_item_id")), sentence("payment ", F.col("payment_id"))
    keys = (_wrong_version("customer"), _wrong_version("product"))
    wrong = failing_rows(lines, line, _wrong_date(), _missing_time(), *keys)
    return wrong.unionByName(failing_rows(paid, payment, _wrong_date(), _wrong_member("customer")))


def _members(dimension: DataFrame, name: str, *facts: DataFrame) -> DataFrame:
    """Return the members that facts name, one row each, with their versions as an array: so a fact is joined to one row."""
    natural = f"{name}_id"
    occurring = reduce(DataFrame.union, [rows.select(natural) for rows in facts]).distinct()
    version = F.struct(F.col(f"{name}_key").alias("key"), "valid_from", "valid_to")
    versions = dimension.join(occurring, natural, "left_semi").groupBy(natural)
    return versions.agg(F.collect_list(version).alias(f"_{name}_versions"))


def _wrong_date() -> Column:
    key, named, day = F.col("date_key"), F.col("_date"), F.col("order_date")
    unknown = F.when(named.isNull(), sentence("date_key ", key, " is not in dim_date"))
    other = problem_unless(named == day, "date_key ", key, " is ", named, ", the order is of ", day)
    return F.coalesce(unknown, other)


def _missing_time() -> Column:
    return F.when(F.col("order_time").isNull(), "order_time is missing")


def _wrong_version(name: str) -> Column:
    """Say what is wrong with a line's key of a dimension; null where it is the version of then, or inferred where there is none."""
    key, member, moment = F.col(f"{name}_key"), sentence(f"{name} ", F.col(f"{name}_id")), F.col("order_time")
    pointed = _first_version(name, lambda version: version["key"] == key)
    holding = _first_version(name, _holds)
    right = _has_version(name, lambda version: (version["key"] == key) & _holds(version))
    inferred = _is_inferred(name)
    names = sentence(f"{name}_key ", key)
    span = sentence(pointed["valid_from"], " to ", pointed["valid_to"])
    return (
        F.when(right | (inferred & holding.isNull()), None)
        .when(
            inferred, sentence(names, " is inferred, yet at ", moment, " ", member, " has version key ", holding["key"])
        )
        .when(pointed.isNotNull(), sentence(names, " holds from ", span, ", the order is of ", moment))
        .otherwise(sentence(names, " is no version of ", member))
    )


def _wrong_member(name: str) -> Column:
    key, member = F.col(f"{name}_key"), sentence(f"{name} ", F.col(f"{name}_id"))
    known = _has_version(name, lambda version: version["key"] == key) | _is_inferred(name)
    return problem_unless(known, f"{name}_key ", key, " is no version of ", member)


def _is_inferred(name: str) -> Column:
    return F.coalesce(F.col(f"{name}_key") == -F.col(f"{name}_id"), F.lit(False))


def _has_version(name: str, condition: Callable[[Column], Column]) -> Column:
    """True if the member has a version for which the condition holds; false where the member is not known at all."""
    return F.coalesce(F.exists(F.col(f"_{name}_versions"), condition), F.lit(False))


def _first_version(name: str, condition: Callable[[Column], Column]) -> Column:
    """Return the member's first version for which the condition holds; null where there is none."""
    return F.get(F.filter(F.col(f"_{name}_versions"), condition), F.lit(0))


def _holds(version: Column) -> Column:
    moment = F.col("order_time")
    return (version["valid_from"] <= moment) & (moment < version["valid_to"])
