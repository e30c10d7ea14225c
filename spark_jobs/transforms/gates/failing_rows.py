"""The result of a gate over DataFrames: the rows that hold a date back, each with a name for people and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def failing_rows(rows: DataFrame, row: Column, *problems: Column) -> DataFrame:
    """Return the rows with a problem: order_date DATE, row STRING, detail STRING.

    ``row`` names a row; each of ``problems`` is a text, null where the row does not have it; ``detail`` joins them by '; '.
    """
    detail = F.concat_ws("; ", *problems)
    return rows.select("order_date", row.alias("row"), detail.alias("detail")).where(F.col("detail") != "")


def sentence(*parts: str | Column) -> Column:
    """Return words and values as one text. A value that is null reads ``null``, so that it never blanks the sentence."""
    texts = [F.lit(part) if isinstance(part, str) else _shown(part) for part in parts]
    return F.concat(*texts)


def problem_unless(holds: Column, *parts: str | Column) -> Column:
    """Return the sentence of ``parts`` where the condition is false or null; null where it is true."""
    return F.when(~F.coalesce(holds, F.lit(False)), sentence(*parts))


def _shown(value: Column) -> Column:
    return F.coalesce(value.cast("string"), F.lit("null"))
