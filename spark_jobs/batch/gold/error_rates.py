"""daily_error_rate, kept up to date by changes: the counts of the last run plus what was accepted and refused since, exactly."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.batch.gold.inputs import accepted_input
from spark_jobs.schemas_gold import DATE
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.transforms.marts.daily_error_rate import dead_letter_dates, error_counts, error_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from schema_registry.registry import Registry
    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.storage.table import Table

COUNTED = pa.schema(
    [("event_date", DATE), ("subject", pa.string()), ("accepted", pa.int64()), ("dead_letters", pa.int64())]
)
DEAD_LETTER = ("row_id", "subject", "status")
RESOLVED = "resolved"

#: Rows more (or fewer) by date and subject.
Counts = Counter[tuple[date, str]]


def current_error_rates(spark: SparkSession, registry: Registry, inputs: Inputs, mart: Table) -> pa.Table:
    """Return the whole of daily_error_rate as it should be now, by the changes, or from all rows where those are not known."""
    event_times = {name: subject.latest.event_time for name, subject in registry.subjects.items()}
    changes = _changes(spark, registry, inputs, event_times)
    if changes is None:
        return _from_all(spark, registry, inputs, event_times).toArrow()
    before = all_rows(mart, COUNTED.names)
    if not any(changes):
        return all_rows(mart, mart.schema.names)
    return error_rates(spark.createDataFrame(_added(before, *changes))).toArrow()


def _from_all(spark: SparkSession, registry: Registry, inputs: Inputs, event_times: Mapping[str, str]) -> DataFrame:
    accepted = [
        inputs.frame(spark, accepted_input(name)).select(F.lit(name).alias("subject"), "event_date")
        for name in registry.subjects
    ]
    letters = dead_letter_dates(inputs.frame(spark, "dead_letters"), event_times)
    return error_rates(error_counts(reduce(DataFrame.unionByName, accepted), letters))


def _changes(
    spark: SparkSession, registry: Registry, inputs: Inputs, event_times: Mapping[str, str]
) -> tuple[Counts, Counts] | None:
    """Count how many more rows are accepted, and how many more are unresolved dead letters; None where that is not known."""
    accepted: Counts = Counter()
    for name in registry.subjects:
        changed = inputs.changed(accepted_input(name), ("event_date",))
        if changed is None:
            return None
        for rows, sign in ((changed.before, -1), (changed.after, 1)):
            for one in pc.value_counts(rows["event_date"]).to_pylist():
                accepted[one["values"], name] += sign * one["counts"]
    letters = _dead_letter_changes(spark, inputs, event_times)
    return None if letters is None else (accepted, letters)


def _dead_letter_changes(spark: SparkSession, inputs: Inputs, event_times: Mapping[str, str]) -> Counts | None:
    changed = inputs.changed("dead_letters", DEAD_LETTER)
    if changed is None:
        return None
    signs: Counter[str] = Counter()
    for rows, sign in ((changed.before, -1), (changed.after, 1)):
        for row_id in rows.filter(pc.not_equal(rows["status"], RESOLVED))["row_id"].to_pylist():
            signs[row_id] += sign
    signs = Counter({row_id: sign for row_id, sign in signs.items() if sign})
    return _dead_letters_by_date(spark, inputs.tables["dead_letters"], signs, event_times)


def _dead_letters_by_date(
    spark: SparkSession, table: Table, signs: Counter[str], event_times: Mapping[str, str]
) -> Counts | None:
    """Sum the signs by the dates of the dead letters; None where one is no longer there, so that its date is not known."""
    if not signs:
        return Counter()
    columns = ["row_id", "subject", "payload", "ingested_at", "status"]
    rows = rows_with_keys(table, pa.array(list(signs), pa.string()), columns, by=("row_id",))
    if rows.num_rows != len(signs):
        return None
    counts: Counts = Counter()
    for sign in (-1, 1):
        ids = pa.array([row_id for row_id, each in signs.items() if each == sign], pa.string())
        own = rows.filter(pc.is_in(rows["row_id"], value_set=ids))
        for day, subject, count in _count_by_date(spark, own, event_times):
            counts[day, subject] += sign * count
    return counts


def _count_by_date(
    spark: SparkSession, letters: pa.Table, event_times: Mapping[str, str]
) -> list[tuple[date, str, int]]:
    """Count dead letters by date and subject, resolved ones as well."""
    if not letters.num_rows:
        return []
    as_open = letters.set_column(
        letters.column_names.index("status"), "status", pa.repeat(pa.scalar("open"), letters.num_rows)
    )
    dates = dead_letter_dates(spark.createDataFrame(as_open), event_times).groupBy("event_date", "subject").count()
    return [(row["event_date"], row["subject"], row["count"]) for row in dates.collect()]


def _added(before: pa.Table, accepted: Counts, letters: Counts) -> pa.Table:
    """Return the counts with the changes added; a date and subject with no rows left is left out."""
    counts = {(row["event_date"], row["subject"]): [row["accepted"], row["dead_letters"]] for row in before.to_pylist()}
    for place, changes in enumerate((accepted, letters)):
        for key, more in changes.items():
            counts.setdefault(key, [0, 0])[place] += more
    rows = [(*key, *both) for key, both in sorted(counts.items()) if any(both)]
    return pa.Table.from_pylist([dict(zip(COUNTED.names, row, strict=True)) for row in rows], schema=COUNTED)
