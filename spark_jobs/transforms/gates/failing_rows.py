"""What a frame gate gives: the rows that hold a date back, each named as a person would, with what is wrong in its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def failing_rows(rows: DataFrame, row: Column, *problems: Column) -> DataFrame:
    """The rows with a problem: order_date DATE, row STRING, detail STRING.

    ``row`` names a row; each of ``problems`` is a text, null where the row does not have it. Several are told together.
    """
    detail = F.concat_ws("; ", *problems)
    return rows.select("order_date", row.alias("row"), detail.alias("detail")).where(F.col("detail") != "")


def sentence(*parts: str | Column) -> Column:
    """A text of words and values. A value that is null reads ``null``, so that it never blanks the sentence."""
    texts = [F.lit(part) if isinstance(part, str) else _shown(part) for part in parts]
    return F.concat(*texts)


def problem_unless(holds: Column, *parts: str | Column) -> Column:
    """The problem told by ``parts`` where the condition does not hold, or cannot be told for a null; null where it does."""
    return F.when(~F.coalesce(holds, F.lit(False)), sentence(*parts))


def _shown(value: Column) -> Column:
    return F.coalesce(value.cast("string"), F.lit("null"))
