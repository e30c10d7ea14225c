"""price_volatility: how much a product's price moved in a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas_gold import PRICE_VOLATILITY
from spark_jobs.transforms.marts.shared import as_table, quotient

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def price_volatility(products: DataFrame) -> DataFrame:
    """Return one row per product and month (its first day, UTC) with a change of price: the columns of ``PRICE_VOLATILITY``.

    A change is a version whose price differs from that of the product's version before, also where the product was gone
    between the two; a product's first version is none. opening_price is in force at the month's first moment,
    closing_price at its last; null where the product was not sold then. min, max and average are over the prices in
    force in the month: the opening one and those of versions that begin in it, unweighted, equal neighbours once.
    volatility = population standard deviation / average. Both have six places; volatility is null where every price is
    0, average_price from 10^12 on. product_name is of the last version that begins in the month.
    """
    months = (
        _with_monthly_prices(products)
        .groupBy("product_id", "month")
        .agg(
            F.max_by("product_name", "valid_from").alias("product_name"),
            F.count_if("_changed").alias("price_changes"),
            F.max("_opening").alias("opening_price"),
            F.max_by("_closing", "valid_from").alias("closing_price"),
            F.least(F.min("_opening"), F.min("_begun")).alias("min_price"),
            F.greatest(F.max("_opening"), F.max("_begun")).alias("max_price"),
            (F.count("_opening") + F.count("_begun")).alias("_prices"),
            F.sum(_cents("_opening") + _cents("_begun")).alias("_cents"),
            F.sum(_cents("_opening") * _cents("_opening") + _cents("_begun") * _cents("_begun")).alias("_squares"),
        )
        .where(F.col("price_changes") > 0)
    )
    average = quotient(F.col("_cents"), 100 * F.col("_prices"), 6)
    return as_table(months.withColumns({"average_price": average, "volatility": _volatility()}), PRICE_VOLATILITY)


def _with_monthly_prices(products: DataFrame) -> DataFrame:
    """Add what each version adds to its month: _changed, _closing, and the prices in force, _opening and _begun.

    Only a month's first version can tell the opening price: it is its own where it begins with the month, otherwise
    that of the version before, where that one still held. The first also counts where it has the price of a version
    that had ended earlier.
    """
    in_time = Window.partitionBy("product_id").orderBy("valid_from")
    before, until = F.lag("price").over(in_time), F.lag("valid_to").over(in_time)
    month, starts = F.trunc(F.to_date("valid_from"), "month"), F.date_trunc("month", "valid_from")
    is_first = F.coalesce(month != F.lag(month).over(in_time), F.lit(True))
    with_the_month = F.col("valid_from") == starts
    opening = F.when(with_the_month, F.col("price")).when(is_first & (until > starts), before)
    changed = F.coalesce(F.col("price") != before, F.lit(False))
    begun = ~with_the_month & (changed | (is_first & opening.isNull()))
    to_the_end = F.col("valid_to") >= F.add_months(month, 1).cast("timestamp")
    return products.select(
        "product_id",
        "product_name",
        "valid_from",
        month.alias("month"),
        changed.alias("_changed"),
        opening.alias("_opening"),
        F.when(begun, F.col("price")).alias("_begun"),
        F.when(to_the_end, F.col("price")).alias("_closing"),
    )


def _cents(price: str) -> Column:
    return F.coalesce((F.col(price) * 100).cast("decimal(18,0)"), F.lit(0).cast("decimal(18,0)"))


def _volatility() -> Column:
    """Return √(n·Σc² − (Σc)²) / Σc: whole cents and exact to the root, which is the first step that rounds."""
    variance = F.col("_prices") * F.col("_squares") - F.col("_cents") * F.col("_cents")
    return F.round(F.sqrt(variance) / F.col("_cents").cast("double"), 6)
