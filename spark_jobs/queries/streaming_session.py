"""The Spark session of the stream's queries, without what costs every batch more than it brings.

What each property saves is in docs/performance.md. None changes what a batch reads or writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Where Spark's own default starts some fifteen processes (readlink, chmod) a batch on a local file system, this one renames
#: by a system call. It is not safe against two writers of one checkpoint; the lock of the subject is.
CHECKPOINT_FILES = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"

PROPERTIES = {
    # The judge's stages outgrow what the JIT compiles (see spark-defaults.conf): their code was generated for every batch and
    # then left aside. Expressions are compiled all the same.
    "spark.sql.codegen.wholeStage": "false",
    # Spark hands each batch over together with all that it can infer of its columns. The judge's are made of columns made of
    # columns, so that took longer than judging; and it would serve joins and filters only, of which a batch has none.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.streaming.checkpointFileManagerClass": CHECKPOINT_FILES,
    # Spark looks once more at each file of a batch, above 32 of them in a job of as many tasks as there are files: minutes for some
    # thousands. Up to this many are looked at in place, more by a few tasks.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
    # Milliseconds between two looks for something new of a query that has no trigger to wait for. Spark's 10 keep a core busy.
    "spark.sql.streaming.pollingDelay": "200",
    # How long Spark may take to end a query whose batch hangs; by its own default for ever.
    "spark.sql.streaming.stopTimeout": "20s",
}


def streaming_session(spark: SparkSession) -> SparkSession:
    """Return a session of the stream's own in the same application: its properties hold for no one else."""
    own = spark.newSession()
    for name, value in PROPERTIES.items():
        own.conf.set(name, value)
    return own
