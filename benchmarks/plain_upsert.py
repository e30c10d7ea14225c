"""The plain job beside which changes are measured: the foreachBatch + MERGE of Delta's documentation.

It reads the same files with a schema, keeps the latest change of each key and MERGEs it. It checks nothing, keeps no
history and no books, and has no tombstones: a change that comes late resurrects or undoes a row.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from delta.tables import DeltaTable
from pyspark.sql import functions as F

from benchmarks.change_files import FIELDS, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame

    from benchmarks.stage import Stage

SCHEMA = (
    "change_id string, op string, event_ts timestamp, seq bigint, customer_id bigint, first_name string, last_name string, "
    "email string, phone string, address string, city string, country string, segment string, created_at timestamp"
)


def drained(stage: Stage, landing: Path, name: str) -> float:
    """Seconds of the plain streaming job, from nothing to drained."""
    target = empty_target(stage, name)
    began = time.perf_counter()
    writer = landed_files(stage, landing).writeStream.foreachBatch(upsert_into(target))
    writer = writer.option("checkpointLocation", f"{target}_checkpoint")
    writer.trigger(availableNow=True).start().awaitTermination()
    return time.perf_counter() - began


def landed_files(stage: Stage, landing: Path) -> DataFrame:
    """The files of a landing folder as a stream."""
    return stage.spark.readStream.schema(SCHEMA).option("header", True).csv(str(landing / SUBJECT))


def empty_target(stage: Stage, name: str) -> str:
    """A new table for the plain job, without rows."""
    target = str(stage.out / "lakes" / name)
    for folder in (target, f"{target}_checkpoint"):
        shutil.rmtree(folder, ignore_errors=True)
    empty = stage.spark.createDataFrame([], SCHEMA).drop("change_id", "op", "event_ts")
    empty.write.format("delta").save(target)
    return target


def upsert_into(target: str) -> Callable[[DataFrame, int], None]:
    """The documentation's upsert of a change feed: the latest change of each key, then one MERGE."""

    def upsert(batch: DataFrame, _: int) -> None:
        latest = batch.groupBy("customer_id").agg(F.max(F.struct("seq", "op", *FIELDS)).alias("latest"))
        changes = latest.select("customer_id", "latest.*")
        values = {name: f"s.{name}" for name in ("seq", *FIELDS)}
        merge = (
            DeltaTable.forPath(batch.sparkSession, target)
            .alias("t")
            .merge(changes.alias("s"), "s.customer_id = t.customer_id")
        )
        merge = merge.whenMatchedDelete("s.op = 'd'").whenMatchedUpdate(set=values)
        merge.whenNotMatchedInsert("s.op <> 'd'", values={"customer_id": "s.customer_id", **values}).execute()

    return upsert
