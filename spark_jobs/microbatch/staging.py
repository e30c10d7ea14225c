"""Staging: a large batch's judged rows, written once as Arrow files, until it is known which of them are duplicates.

Whether a row is a duplicate depends on all other rows, so it takes two passes. Judging twice would be dear; writing
the rows in the form that the second pass reads costs little. A crash leaves a folder that the next attempt clears.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.microbatch.executors import run_groups
from spark_jobs.microbatch.fan_out import FanOutResult, Plan, fan_out
from spark_jobs.transforms.judge import DEDUPE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.storage.table import Table

STAGED = "_staged"
ARROW_BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
#: Bytes of a batch that Spark hands to Python, where it is made to count them, which is slow.
FEW_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class InMemory:
    """The judged rows of a small batch, on the driver."""

    rows: pa.Table

    @property
    def dedupe_columns(self) -> pa.Table:
        """The columns ``judge.DEDUPE_COLUMNS`` of the rows."""
        return self.rows.select(list(DEDUPE_COLUMNS))

    def fan_out(self, _spark: SparkSession, plan: Plan) -> FanOutResult:
        """Write each row to the parts of its table."""
        return fan_out(self.rows.to_batches(), plan)


@dataclass(slots=True)
class Staging:
    """The judged rows of a large batch, in a folder on storage that driver and executors share.

    ``dedupe_columns``: the columns ``judge.DEDUPE_COLUMNS`` of the rows, once they are staged.
    """

    folder: Path
    files: tuple[str, ...] = ()
    dedupe_columns: pa.Table = field(default_factory=lambda: pa.table({}))

    def stage(self, judged: DataFrame, *, bounded: bool = False) -> None:
        """Judge the rows and write them to the folder.

        A task that is tried again writes another file; only files named by the accepted attempts are read. ``bounded``: rows may
        be of any width, as after an attempt that failed: no batch of theirs may pass what Arrow can hold.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        schema = ", ".join(
            f"`{field.name}` {field.dataType.simpleString()}" for field in judged.select(*DEDUPE_COLUMNS).schema
        )
        with self._cleared_on_failure(), _few_bytes_a_batch(judged) if bounded else nullcontext():
            rows = judged.mapInArrow(_StageRows(str(self.folder)), f"{schema}, {STAGED} string").toArrow()
        self.files = tuple(pc.unique(pc.drop_null(rows[STAGED])).to_pylist())
        self.dedupe_columns = rows.drop_columns([STAGED])

    def fan_out(self, spark: SparkSession, plan: Plan) -> FanOutResult:
        """Write each row to the parts of its table, a task for each file, and clear the folder."""
        total = FanOutResult()
        with self._cleared_on_failure():
            for answer in run_groups(spark, [[name] for name in self.files], _FanOutStaged(plan), here=False):
                total.add(FanOutResult.from_json(answer))
        shutil.rmtree(self.folder, ignore_errors=True)
        return total

    @contextmanager
    def _cleared_on_failure(self) -> Iterator[None]:
        """Clear the folder where the block fails: the rows are of no use then, and the disk may be full."""
        try:
            yield
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise


@contextmanager
def _few_bytes_a_batch(judged: DataFrame) -> Iterator[None]:
    """Have Spark count the bytes of the batches that it hands to Python, while the block runs."""
    conf = judged.sparkSession.conf
    before = str(conf.get(ARROW_BYTES))
    conf.set(ARROW_BYTES, str(FEW_BYTES))
    try:
        yield
    finally:
        conf.set(ARROW_BYTES, before)


@dataclass(frozen=True, slots=True)
class _StageRows:
    """Writes the batches of a task to one Arrow file and passes on what deduplication needs, the file's name on the first row."""

    folder: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        path = Path(self.folder) / f"{uuid.uuid4().hex}.arrow"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        writer = None
        for batch in batches:
            if not batch.num_rows:
                continue
            name = str(path) if writer is None else None
            if writer is None:
                writer = pa.ipc.new_file(path, batch.schema, options=options)
            writer.write_batch(batch)
            staged = pa.array([name, *[None] * (batch.num_rows - 1)], pa.string())
            yield batch.select(list(DEDUPE_COLUMNS)).append_column(STAGED, staged)
        if writer is not None:
            writer.close()


@dataclass(frozen=True, slots=True)
class _FanOutStaged:
    """Reads staged rows, a batch at a time, and fans them out."""

    plan: Plan

    def __call__(self, names: Sequence[str]) -> dict[str, Any]:
        return fan_out(self._batches(names), self.plan).to_json()

    @staticmethod
    def _batches(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for name in names:
            with pa.memory_map(name) as source:
                reader = pa.ipc.open_file(source)
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)


def bronze_bytes(judged: DataFrame, bronze: Table) -> int:
    """Return about how many bytes of Bronze a batch of judged rows was made from.

    Spark estimates a plan's size as that of the files it reads, scaled by the width of its columns; this undoes the scaling.
    """
    plan = judged._jdf.queryExecution().optimizedPlan()
    estimate = int(str(plan.stats().sizeInBytes()))
    return int(estimate * _width(bronze) / max(1, judged._jdf.schema().defaultSize()))


def _width(bronze: Table) -> int:
    """Return the width by which Spark reckons a Bronze row: 20 bytes a text, more for the map and the list."""
    texts = sum(1 for field in bronze.schema if pa.types.is_string(field.type))
    return 20 * texts + 120
