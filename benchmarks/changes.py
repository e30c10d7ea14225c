"""Changes: at once and file by file beside the foreachBatch + MERGE of Delta's documentation; a small batch beside many keys.

The plain job reads the same files with a schema, keeps the latest change of each key and MERGEs it. It checks nothing, keeps no
history and no books, and has no tombstones: a change that comes late resurrects or undoes a row.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from delta.tables import DeltaTable
from pyspark.sql import functions as F

from benchmarks.change_tables import lay_down
from spark_jobs.queries.application import Application, Listener
from spark_jobs.sources.keyed import all_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame

    from benchmarks.stage import Stage
    from config.settings import Settings
    from spark_jobs.lake import Lake
    from spark_jobs.queries.ingest import IngestReport
    from spark_jobs.queries.refine import Books

SUBJECT = "customers"
PLAIN_SCHEMA = (
    "change_id string, op string, event_ts timestamp, seq bigint, customer_id bigint, first_name string, last_name string, "
    "email string, phone string, address string, city string, country string, segment string, created_at timestamp"
)
FIELDS = ("first_name", "last_name", "email", "phone", "address", "city", "country", "segment", "created_at")
NAMES = ("Ana", "Bo", "Chen", "Dara", "Eli", "Fay", "Gus", "Hana")
CITIES = ("Berlin", "Lisboa", "Oslo", "Praha", "Roma", "Wien")
DELETES = 0.02
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
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
    landing = _files(stage, f"changes_{changes}_{keys}", changes, keys, files=20)
    warm = _files(stage, "changes_warm", 40_000, 4_000, files=4)
    _plain(stage, warm, "plain_warm")
    stage.drain(stage.lake("warm")[1], warm, SUBJECT)
    plain, ours, steps, same = [], [], {}, False
    for _ in range(rounds):
        plain.append(_plain(stage, landing, "plain"))
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
    landing = _files(stage, f"changes_{changes}_{keys}", changes, keys, files=20)
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
    drop, target = stage.out / "drop", _plain_target(stage, "plain_dropped")
    shutil.rmtree(drop, ignore_errors=True)
    (drop / SUBJECT).mkdir(parents=True)
    done: list[int] = []
    upsert = _upsert(target)

    def counted(batch: DataFrame, number: int) -> None:
        upsert(batch, number)
        done.append(number)

    rows = stage.spark.readStream.schema(PLAIN_SCHEMA).option("header", True).csv(str(drop / SUBJECT))
    query = rows.writeStream.foreachBatch(counted).option("checkpointLocation", f"{target}_checkpoint").start()
    try:
        return [_copied(file, drop / SUBJECT, done) for file in files]
    finally:
        query.stop()


def _ours_dropped(stage: Stage, files: Sequence[Path]) -> list[float]:
    drop = stage.out / "drop"
    shutil.rmtree(drop, ignore_errors=True)
    books: list[Books] = []
    with _running(stage, stage.lake("changes_dropped")[1], drop, [], books):
        return [_copied(file, drop / SUBJECT, books) for file in files]


def _copied(file: Path, folder: Path, done: Sequence[Any]) -> float:
    """Seconds from a file's arrival until one more batch is done."""
    before = len(done)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder / f".{file.name}")
    return _arrived(folder / f".{file.name}", folder / file.name, done, before)


def _files(stage: Stage, name: str, changes: int, keys: int, files: int, first: int = 0) -> Path:
    """Changes of random keys in order of their sequence, as flat CSV; made once."""
    folder = stage.out / name / SUBJECT
    if not (stage.out / name / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rng = np.random.default_rng([42, changes, keys])
        for number in range(files):
            size = changes // files
            rows = change_rows(rng, first + number * size, size, keys)
            pcsv.write_csv(rows, folder / f"changes_{number:06}.csv", pcsv.WriteOptions(quoting_style="none"))
        (stage.out / name / "done").touch()
    return stage.out / name


def change_rows(rng: np.random.Generator, first: int, count: int, keys: int) -> pa.Table:
    """Changes number ``first`` and on, each of a random key: whole rows, one in fifty a delete."""
    number = np.arange(first + 1, first + count + 1)
    key, deleted = rng.integers(1, keys + 1, count), rng.random(count) < DELETES
    pick = lambda words: pa.array(np.asarray(words, object)[rng.integers(0, len(words), count)])  # noqa: E731
    street = pa.array([f"{n} Main Street" for n in rng.integers(1, 400, count).tolist()])
    moment = pa.array(int(BEGIN.timestamp()) + number // 100).cast(pa.timestamp("s"))
    values = {
        "first_name": pick(NAMES),
        "last_name": pick(NAMES),
        "email": pa.array([f"user{n}@example.org" for n in key.tolist()]),
        "phone": pa.array([f"+49 {n}" for n in rng.integers(10**6, 10**7, count).tolist()]),
        "address": street,
        "city": pick(CITIES),
        "country": pick(("DE", "PT", "NO", "CZ")),
        "segment": pick(("new", "returning", "premium")),
        "created_at": pa.array(["2020-01-01T00:00:00Z"] * count),
    }
    gone = pa.array(deleted)
    return pa.table(
        {
            "change_id": pa.array([f"c-{n:012}" for n in number.tolist()]),
            "op": pc.if_else(gone, "d", "u"),
            "event_ts": pc.strftime(moment, "%Y-%m-%dT%H:%M:%SZ"),
            "seq": pa.array(number),
            "customer_id": pa.array(key),
            **{name: pc.if_else(gone, "", column) for name, column in values.items()},
        }
    )


def _plain(stage: Stage, landing: Path, name: str) -> float:
    """Seconds of the plain streaming job, from nothing to drained."""
    target = _plain_target(stage, name)
    began = time.perf_counter()
    rows = stage.spark.readStream.schema(PLAIN_SCHEMA).option("header", True).csv(str(landing / SUBJECT))
    writer = rows.writeStream.foreachBatch(_upsert(target)).option("checkpointLocation", f"{target}_checkpoint")
    writer.trigger(availableNow=True).start().awaitTermination()
    return time.perf_counter() - began


def _plain_target(stage: Stage, name: str) -> str:
    """A new table for the plain job, without rows."""
    target = str(stage.out / "lakes" / name)
    for folder in (target, f"{target}_checkpoint"):
        shutil.rmtree(folder, ignore_errors=True)
    empty = stage.spark.createDataFrame([], PLAIN_SCHEMA).drop("change_id", "op", "event_ts")
    empty.write.format("delta").save(target)
    return target


def _upsert(target: str) -> Callable[[DataFrame, int], None]:
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
    with _running(stage, settings, drop, landed, books):
        seconds = [_drop(drop / SUBJECT, number, keys, books) for number in range(BATCHES)]
    steps = {step: round(statistics.median(line.steps[step] for line in books[WARM:]), 3) for step in books[-1].steps}
    live = all_rows(lake.current(subject), ["customer_id"]).num_rows
    return {"seconds": round(statistics.median(seconds[WARM:]), 3), "steps": steps, "keys_after": live}


@contextmanager
def _running(
    stage: Stage, settings: Settings, drop: Path, landed: list[IngestReport], books: list[Books]
) -> Iterator[None]:
    """The real application over a folder, without pauses, until the block ends."""
    settings = replace(settings, lake=replace(settings.lake, landing=drop))
    settings = replace(settings, streaming=replace(settings.streaming, trigger_interval=timedelta(milliseconds=10)))
    stop = threading.Event()
    listener = Listener(landed.append, books.append)
    application = Application(stage.spark, settings, stage.registry, [SUBJECT], listener, stop)
    thread = threading.Thread(target=application.run, kwargs={"once": False})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _drop(folder: Path, number: int, keys: int, books: list[Books]) -> float:
    """Seconds from the arrival of a file of 1,000 changes to the commit of its books."""
    before = len(books)
    folder.mkdir(parents=True, exist_ok=True)
    rows = change_rows(np.random.default_rng([7, number]), 2 * 10**9 + number * 1_000, 1_000, keys)
    pcsv.write_csv(rows, folder / f".{number}", pcsv.WriteOptions(quoting_style="none"))
    return _arrived(folder / f".{number}", folder / f"{number:06}.csv", books, before)


def _arrived(hidden: Path, shown: Path, done: Sequence[Any], before: int) -> float:
    """Show a hidden file; seconds until there is one more than ``before`` of what is done."""
    began = time.perf_counter()
    hidden.rename(shown)
    while len(done) == before:
        if time.perf_counter() - began > PATIENCE:
            raise TimeoutError(f"{shown.name} was not done within {PATIENCE} s")
        time.sleep(0.002)
    return time.perf_counter() - began
