"""Write a frame's rows as parts of a table on Spark's workers, visible to no one until they are committed.

Done twice, or by a task that is tried again, the files that no commit names are swept up by VACUUM.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.storage.attempt import current_attempt, within_attempt
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.storage.table import Table

ANSWER = "part string"


def write_frame(rows: DataFrame, table: Table) -> list[Part]:
    """Write a frame that has the table's columns, a task's rows to a part (more for many); returns what was written."""
    answers = rows.select(*table.schema.names).mapInArrow(_Write(table, current_attempt()), ANSWER).collect()
    return [Part.from_json(json.loads(answer.part)) for answer in answers]


def read_frame(spark: SparkSession, table: Table, parts: Sequence[Part]) -> DataFrame:
    """Return the rows of parts that no commit names yet, read back from their files by Spark."""
    shape = from_arrow_schema(table.data_schema)
    paths = [str(Path(table.path) / part.path) for part in parts]
    return spark.read.schema(shape).parquet(*paths) if paths else spark.createDataFrame([], shape)


@dataclass(frozen=True, slots=True)
class _Write:
    """A worker's task: write its rows as parts. Only the parts of the tasks that Spark accepts are ever named."""

    table: Table
    mark: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with within_attempt(self.mark):
            writer = TableWriter(self.table)
            for batch in batches:
                writer.write(pa.Table.from_batches([batch]))
            parts = [json.dumps(part.to_json()) for part in writer.close()]
        yield pa.RecordBatch.from_pydict({"part": pa.array(parts, pa.string())})
