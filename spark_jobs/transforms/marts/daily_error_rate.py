"""daily_error_rate: how many of a date's rows were refused.

In two steps, counts and rates, so that a run can add what came in since to counts that it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schema_registry.contract import FieldType
from spark_jobs.schemas_gold import DAILY_ERROR_RATE
from spark_jobs.transforms.marts.shared import as_table, quotient
from spark_jobs.transforms.types import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

#: A year outside of these is taken for a slip, by which no row could ever be found again.
FIRST_YEAR, LAST_YEAR = 1990, 2050


def daily_error_rate(accepted: DataFrame, dead_letters: DataFrame) -> DataFrame:
    """Return one row per event date and subject with a row that was accepted or refused: the columns of ``DAILY_ERROR_RATE``.

    ``accepted`` and ``dead_letters`` (unresolved dead letters, see ``dead_letter_dates``): subject, event_date. Duplicates are
    neither. error_rate = dead_letters / (accepted + dead_letters), to six places. Nothing is null.
    """
    return error_rates(error_counts(accepted, dead_letters))


def error_counts(accepted: DataFrame, dead_letters: DataFrame) -> DataFrame:
    """Return how many rows of each date and subject were accepted and refused: event_date, subject, accepted, dead_letters."""
    judged = _judged(accepted, is_dead=False).unionByName(_judged(dead_letters, is_dead=True))
    return judged.groupBy("event_date", "subject").agg(
        F.count_if(~F.col("_is_dead")).alias("accepted"), F.count_if("_is_dead").alias("dead_letters")
    )


def error_rates(counts: DataFrame) -> DataFrame:
    """Return the mart of such counts. Where both are 0, as after a dead letter was resolved, there is no row."""
    rows = F.col("accepted") + F.col("dead_letters")
    return as_table(
        counts.where(rows > 0).withColumn("error_rate", quotient(F.col("dead_letters"), rows, 6)), DAILY_ERROR_RATE
    )


def dead_letter_dates(dead_letters: DataFrame, event_times: Mapping[str, str]) -> DataFrame:
    """Return the dead letters (subject, payload, ingested_at, status) that are not resolved, each with its date: subject,
    event_date.

    A discarded one is among them. Its date, in UTC, is that of its event time, the field
    that ``event_times`` names for its subject, where the payload's text spells one from 1990 to 2050; else the date on
    which it came in.
    """
    moment = parse_text(_event_time(event_times), FieldType("timestamp"))
    plausible = F.when(F.year(moment).between(FIRST_YEAR, LAST_YEAR), F.to_date(moment))
    event_date = F.coalesce(plausible, F.to_date("ingested_at")).alias("event_date")
    return dead_letters.where(~F.col("status").eqNullSafe("resolved")).select("subject", event_date)


def _event_time(event_times: Mapping[str, str]) -> Column:
    """Return the text of a dead letter's event time; null where the payload has none, or could not be read."""
    texts = [F.when(F.col("subject") == name, F.col("payload")[field]) for name, field in event_times.items()]
    return F.coalesce(*texts, F.lit(None).cast("string"))


def _judged(rows: DataFrame, *, is_dead: bool) -> DataFrame:
    return rows.select("event_date", "subject", F.lit(is_dead).alias("_is_dead"))
