"""The session of the stream: what it leaves out, and that it judges what has landed without waiting for a trigger."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from support.lakes import new_workspace

from spark_jobs.queries.application import Application, Listener
from spark_jobs.queries.streaming_session import CHECKPOINT_FILES, PROPERTIES, streaming_session

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

HEADER = "event_id,user_id,event_type,product_id,price,event_time\n"


def test_no_other_session_is_changed(spark: SparkSession) -> None:
    before = spark.conf.getAll
    own = streaming_session(spark)
    assert {name: own.conf.get(name) for name in PROPERTIES} == PROPERTIES
    assert spark.conf.getAll == before


def test_this_spark_knows_every_property_and_uses_the_manager_of_checkpoints(
    spark: SparkSession, tmp_path: Path
) -> None:
    """A property that a newer Spark has renamed would be taken without a word."""
    own: Any = streaming_session(spark)
    internal = {"spark.sql.streaming.checkpointFileManagerClass"}  # read as text, not declared
    assert {name for name in PROPERTIES if not own.conf.isModifiable(name)} == internal
    spark_classes = own._jvm.org.apache.spark.sql.execution.streaming.checkpointing
    folder = own._jvm.org.apache.hadoop.fs.Path(tmp_path.as_uri())
    manager = spark_classes.CheckpointFileManager.create(folder, own._jsparkSession.sessionState().newHadoopConf())
    assert manager.getClass().getName() == CHECKPOINT_FILES


def test_what_has_landed_is_judged_before_the_next_trigger_comes(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path, TRIGGER_INTERVAL="1 day")
    workspace.drop("a.csv", HEADER + "e1,7,view,11,9.99,2026-01-05T10:00:00Z\n")
    stop = threading.Event()
    landed: list[IngestReport] = []
    books: list[Books] = []

    def judged(of_batch: Books) -> None:
        books.append(of_batch)
        stop.set()

    given_up = threading.Timer(60, stop.set)
    given_up.start()
    listener = Listener(landed.append, judged)
    Application(spark, workspace.settings, workspace.registry, ["ecommerce_events"], listener, stop).run(once=False)
    given_up.cancel()
    assert [report.rows for report in landed] == [1]
    assert [one.accepted for one in books] == [1]
