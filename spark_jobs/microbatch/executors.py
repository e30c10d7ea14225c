"""Run work on groups of items: in this process while they are small, on the executors once it pays.

A Spark job costs a tenth of a second or more before it does anything. The same function therefore runs here over a
small batch and in ``mapInArrow`` over a large one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from spark_jobs.storage.attempt import current_attempt, within_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import SparkSession

Item = TypeVar("Item")
ANSWER_SCHEMA = "answer string"


def run_groups(
    spark: SparkSession,
    groups: Sequence[Sequence[Item]],
    work: Callable[[Sequence[Item]], dict[str, Any]],
    *,
    here: bool,
) -> list[dict[str, Any]]:
    """Return what ``work`` returns for each group: run in this process (``here``), or one task a group on the executors."""
    if here:
        return [work(group) for group in groups]
    indexes = spark.createDataFrame([(index,) for index in range(len(groups))], "at int")

    mark = current_attempt()

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            with within_attempt(mark):
                answers = [json.dumps(work(groups[index])) for index in batch.column(0).to_pylist()]
            yield pa.RecordBatch.from_pydict({"answer": answers})

    return [json.loads(row.answer) for row in indexes.mapInArrow(run, ANSWER_SCHEMA).collect()]


def spread_evenly(items: Sequence[Item], size: Callable[[Item], int], groups: int) -> list[list[Item]]:
    """Spread items over at most that many groups of about equal size, largest first; order within a group is kept."""
    chosen: list[list[tuple[int, Item]]] = [[] for _ in range(min(groups, len(items)))]
    totals = [0] * len(chosen)
    for place, item in sorted(enumerate(items), key=lambda pair: -size(pair[1])):
        lightest = totals.index(min(totals))
        chosen[lightest].append((place, item))
        totals[lightest] += size(item) + 1
    return [[item for _, item in sorted(group, key=lambda pair: pair[0])] for group in chosen]
