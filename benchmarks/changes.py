"""Changes: at once and file by file beside the plain job of plain_upsert.py; a small batch beside many keys."""

from __future__ import annotations

import shutil
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.csv as pcsv
from pyspark.sql import functions as F

from benchmarks.arrivals import arrived, copied, running
from benchmarks.change_files import FIELDS, SUBJECT, change_files, change_rows
from benchmarks.change_tables import lay_down
from benchmarks.plain_upsert import drained, empty_target, landed_files, upsert_into
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from benchmarks.stage import Stage
    from spark_jobs.lake import Lake
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

BATCHES, WARM = 16, 6
PATIENCE = 120.0


def measure(stage: Stage, changes: int, keys: int, rounds: int, many: int) -> dict[str, Any]:
    """The three figures of the file's first line."""
    return {
        "at_once": _at_once(stage, changes, keys, rounds),
        "file_by_file": _file_by_file(stage, changes, keys),
        "small_batch": _small_batch(stage, many),
    }


def _at_once(stage: Stage, changes: int, keys: int, rounds: int) -> dict[str, Any]:
    """Changes a second with all files landed, in turns; and that both jobs agree on every live row."""
    landing = change_files(stage, f"changes_{changes}_{keys}", changes, keys, files=20)
    warm = change_files(stage, "changes_warm", 40_000, 4_000, files=4)
    drained(stage, warm, "plain_warm")
    stage.drain(stage.lake("warm")[1], warm, SUBJECT)
    plain, ours, steps, same = [], [], {}, False
    for _ in range(rounds):
        plain.append(drained(stage, landing, "plain"))
        lake, settings = stage.lake("changes")
        seconds, landed, books = stage.drain(settings, landing, SUBJECT)
        ours.append(seconds)
        steps = {"ingest": sum(report.seconds for report in landed)}
        for line in books:
            for step, took in line.steps.items():
                steps[step] = round(steps.get(step, 0.0) + took, 2)
        same = _plain_rows(stage, "plain") == _our_rows(stage, lake)
    plain_seconds, our_seconds = statistics.median(plain), statistics.median(ours)
    return {
        "changes": changes,
        "keys": keys,
        "plain_seconds": [round(value, 2) for value in plain],
        "our_seconds": [round(value, 2) for value in ours],
        "changes_per_second": round(changes / our_seconds),
        "times_as_fast": round(plain_seconds / our_seconds, 2),
        "steps_of_the_last_round": steps,
        "same_live_rows": same,
    }


def _file_by_file(stage: Stage, changes: int, keys: int) -> dict[str, Any]:
    """The same files, each dropped when the one before is done, as for a stream that keeps up; the first one warms up."""
    landing = change_files(stage, f"changes_{changes}_{keys}", changes, keys, files=20)
    files = sorted((landing / SUBJECT).glob("*.csv"))
    plain, ours = _plain_dropped(stage, files), _ours_dropped(stage, files)
    return {
        "changes_a_file": changes // len(files),
        "plain_seconds": [round(value, 2) for value in plain],
        "our_seconds": [round(value, 2) for value in ours],
        "changes_per_second": round(changes / len(files) * (len(files) - 1) / sum(ours[1:])),
        "times_as_fast": round(sum(plain[1:]) / sum(ours[1:]), 2),
    }


def _plain_dropped(stage: Stage, files: Sequence[Path]) -> list[float]:
    drop, target = stage.out / "drop", empty_target(stage, "plain_dropped")
    shutil.rmtree(drop, ignore_errors=True)
    (drop / SUBJECT).mkdir(parents=True)
    done: list[int] = []
    upsert = upsert_into(target)

    def counted(batch: DataFrame, number: int) -> None:
        upsert(batch, number)
        done.append(number)

    writer = landed_files(stage, drop).writeStream.foreachBatch(counted)
    query = writer.option("checkpointLocation", f"{target}_checkpoint").start()
    try:
        return [copied(file, drop / SUBJECT, done, PATIENCE) for file in files]
    finally:
        query.stop()


def _ours_dropped(stage: Stage, files: Sequence[Path]) -> list[float]:
    drop = stage.out / "drop"
    shutil.rmtree(drop, ignore_errors=True)
    books: list[Books] = []
    with running(stage, stage.lake("changes_dropped")[1], SUBJECT, drop, [], books):
        return [copied(file, drop / SUBJECT, books, PATIENCE) for file in files]


def _plain_rows(stage: Stage, name: str) -> int:
    table = stage.spark.read.format("delta").load(str(stage.out / "lakes" / name))
    return int(_digest(table))


def _our_rows(stage: Stage, lake: Lake) -> int:
    table = stage.spark.read.format("delta").load(lake.current(stage.registry.subject(SUBJECT)).path)
    return int(_digest(table.where("NOT _deleted").withColumnRenamed("_sequence", "seq")))


def _digest(rows: DataFrame) -> Any:
    hashed = F.xxhash64("customer_id", "seq", *FIELDS).cast("decimal(38,0)")
    found = rows.agg(F.sum(hashed)).first()
    return found[0] if found and found[0] is not None else 0


def _small_batch(stage: Stage, many: int) -> dict[str, Any]:
    """Median seconds from the arrival of 1,000 changes to their books, with 10,000 keys in the lake and with many."""
    few = _stream(stage, 10_000)
    full = _stream(stage, many)
    return {"10000_keys": few, f"{many}_keys": full, "many_to_few": round(full["seconds"] / few["seconds"], 2)}


def _stream(stage: Stage, keys: int) -> dict[str, Any]:
    lake, settings = stage.lake(f"changes_{keys}")
    subject = stage.registry.subject(SUBJECT)
    drop = stage.out / "drop"
    shutil.rmtree(drop, ignore_errors=True)
    lay_down(lake, subject, keys)
    landed: list[IngestReport] = []
    books: list[Books] = []
    with running(stage, settings, SUBJECT, drop, landed, books):
        seconds = [_drop(drop / SUBJECT, number, keys, books) for number in range(BATCHES)]
    steps = {step: round(statistics.median(line.steps[step] for line in books[WARM:]), 3) for step in books[-1].steps}
    live = all_rows(lake.current(subject), ["customer_id"]).num_rows
    return {"seconds": round(statistics.median(seconds[WARM:]), 3), "steps": steps, "keys_after": live}


def _drop(folder: Path, number: int, keys: int, books: list[Books]) -> float:
    """Seconds from the arrival of a file of 1,000 changes to the commit of its books."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = change_rows(np.random.default_rng([7, number]), 2 * 10**9 + number * 1_000, 1_000, keys)
    pcsv.write_csv(rows, folder / f".{number}", pcsv.WriteOptions(quoting_style="none"))
    return arrived(folder / f".{number}", folder / f"{number:06}.csv", books, PATIENCE)
