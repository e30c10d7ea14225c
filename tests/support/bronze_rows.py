"""Bronze rows made by hand, and what the judge says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.testing import bronze_table
from spark_jobs.transforms.conform import CARRIED_COLUMNS, conform, with_maps
from spark_jobs.transforms.judge import JudgeOptions, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Subject

INGESTED = datetime(2026, 1, 5, 12, tzinfo=UTC)
OPTIONS = JudgeOptions(clock_skew=timedelta(minutes=5), refuse_late=False)
UNREAD = ("read_error", "raw")

V1 = {
    "event_id": "e-1", "user_id": "7", "event_type": "view", "product_id": "12", "price": "9.99",
    "event_time": "2026-01-05T11:00:00Z",
}  # fmt: skip
V2 = V1 | {"session_id": "s-1", "category": "books", "quantity": "2", "user_segment": "new"}
V3 = V2 | {
    "device_type": "mobile",
    "geo_country": "DE",
    "browser": "",
    "geo_city": "",
    "referrer": "",
    "campaign_id": "",
}

Row = dict[str, Any]


def bronze(spark: SparkSession, subject: Subject, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """Rows of field → text (a field left out is absent, '' is empty) as a Bronze table holds them, in order.

    ``read_error`` and ``raw`` of a row that could not be read are taken as they are.
    """
    listed = list(rows)
    table = bronze_table(subject, [without(row, *UNREAD) for row in listed], INGESTED)
    for name in UNREAD:
        cells = pa.array([row.get(name) for row in listed], table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), name, cells)
    return spark.createDataFrame(table).coalesce(1)


def without(row: Mapping[str, Any], *names: str) -> Row:
    return {name: text for name, text in row.items() if name not in names}


def conformed(spark: SparkSession, subject: Subject, rows: Iterable[Mapping[str, Any]], *added_later: str) -> list[Row]:
    """The conformed rows, in order, without the columns that pass through."""
    frame = conform(bronze(spark, subject, rows), subject, added_later).transform(with_maps, subject)
    found = frame.drop(*(set(CARRIED_COLUMNS) - {"row_id"})).collect()
    return [without(row.asDict(), "row_id") for row in sorted(found, key=lambda row: int(row.row_id))]


def judged(
    spark: SparkSession, subject: Subject, rows: Iterable[Mapping[str, Any]], options: JudgeOptions = OPTIONS
) -> list[Row]:
    """The judged rows, in order; ``_reasons`` as a list of (code, field), none for a row that is not refused."""
    found = judge(conform(bronze(spark, subject, rows), subject), subject, options).toArrow().to_pylist()
    for row in found:
        row["_details"] = [reason["detail"] for reason in row["_reasons"] or []]
        row["_reasons"] = [(reason["code"], reason["field"]) for reason in row["_reasons"] or []]
    return sorted(found, key=lambda row: row["source_position"])
