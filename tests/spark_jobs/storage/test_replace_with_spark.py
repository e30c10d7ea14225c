"""Spark reads what was replaced, and writes to the same table in between: neither loses the other's rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from support.tables_with_a_key import SCHEMA, Rows, named, put, rows, scanned, small_limits, table_with_a_key

from spark_jobs.storage import replace as replace_module
from spark_jobs.storage.delta_log import put_if_absent, read_log
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from pyspark.sql import SparkSession

    from spark_jobs.storage.table import Table

#: What a user may do to the table meanwhile: SQL, and what it makes of the rows.
ACTS: tuple[tuple[str, Callable[[Rows], Rows]], ...] = (
    ("DELETE FROM {t} WHERE id % 7 = 0", lambda model: {k: v for k, v in model.items() if k is None or k % 7}),
    (
        "MERGE INTO {t} t USING (SELECT id + 5 AS id FROM range(40)) s ON t.id = s.id AND t.id % 3 = 0 "
        "WHEN MATCHED THEN UPDATE SET name = 'merged', extras = map('n', 'merged')",
        lambda model: {k: "merged" if k is not None and 5 <= k < 45 and k % 3 == 0 else v for k, v in model.items()},
    ),
    ("OPTIMIZE {t}", dict),
    (
        "DELETE FROM {t} WHERE id = 11 OR id IS NULL",
        lambda model: {k: v for k, v in model.items() if k not in (11, None)},
    ),
    ("REORG TABLE {t} APPLY (PURGE)", dict),
)


def of_spark(spark: SparkSession, table: Table) -> Rows:
    spark.sql("CLEAR CACHE")
    return named(spark.read.format("delta").load(table.path).toArrow())


def test_spark_and_replacements_take_turns_and_no_row_is_lost(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table, rng, version = table_with_a_key(tmp_path), random.Random(7), 0
    model: Rows = {**dict.fromkeys(range(60), "first"), None: "none"}
    put(table, version, model)
    for sql, effect in ACTS:
        for _ in range(4):
            version += 1
            there: Rows = {rng.choice([None, *range(80)]): f"v{version}" for _ in range(rng.randint(0, 6))}
            gone = {rng.randrange(80) for _ in range(3)} - set(there)
            put(table, version, there, gone=gone)
            model = {**{k: v for k, v in model.items() if k not in gone}, **there}
        spark.sql(sql.format(t=f"delta.`{table.path}`"))
        model = effect(model)
        assert named(all_rows(table, SCHEMA.names)) == model, f"after {sql}"
        assert of_spark(spark, table) == named(scanned(table.path)) == model, f"after {sql}"
        asked = pa.array([3, 11, 12, None, 70], pa.int64())
        assert named(rows_with_keys(table, asked, SCHEMA.names)) == {
            k: model[k] for k in asked.to_pylist() if k in model
        }
    put(table, version + 1, {5: "last", 100: "last"}, gone=[6])
    model = {**{k: v for k, v in model.items() if k != 6}, 5: "last", 100: "last"}
    assert of_spark(spark, table) == named(scanned(table.path)) == model
    assert list((Path(table.path) / "_delta_log").glob("*.checkpoint.parquet")), "by now there is a checkpoint"


def test_spark_reads_the_vectors_the_checkpoint_and_the_history(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table, model = table_with_a_key(tmp_path), dict.fromkeys(range(200), "a")
    put(table, 0, model)
    for version in range(1, 22):
        put(table, version, {version: f"v{version}"}, gone=[100 + version])
        model[version] = f"v{version}"
        del model[100 + version]
    log = Path(table.path) / "_delta_log"
    for version in range(20):
        (log / f"{version:020}.json").unlink()
    snapshot = read_log(table.path)
    assert snapshot is not None
    assert any("deletionVector" in add for add in snapshot.files.values())
    assert of_spark(spark, table) == model
    last = spark.sql(f"DESCRIBE HISTORY delta.`{table.path}` LIMIT 1").collect()[0]
    assert (last["operation"], last["operationMetrics"]["numTargetRowsInserted"]) == ("MERGE", "1")
    assert json.loads(last["operationParameters"]["matchedBy"]) == ["id"]
    counted = spark.sql(f"SELECT count(*), min(id), max(id) FROM delta.`{table.path}`").collect()[0]
    assert tuple(counted) == (len(model), 0, 199)


def test_a_vacuum_takes_what_no_entry_names_and_leaves_the_vectors_of_live_files(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(30), "a"))
    put(table, 1, {}, gone=[1])
    put(table, 2, {}, gone=[2])
    (Path(table.path) / "entry_of_a_killed_writer.tmp").touch()
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
    try:
        spark.sql(f"VACUUM delta.`{table.path}` RETAIN 0 HOURS")
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
        spark.conf.unset("spark.sql.sources.parallelPartitionDiscovery.parallelism")
    left = sorted(path.suffix for path in Path(table.path).iterdir() if path.is_file())
    assert left == [".bin", ".parquet"]
    model = {n: "a" for n in range(30) if n not in (1, 2)}
    assert of_spark(spark, table) == named(all_rows(table, SCHEMA.names)) == model


def test_a_column_added_here_is_there_for_spark_and_one_added_by_spark_is_kept(
    spark: SparkSession, tmp_path: Path
) -> None:
    put(table_with_a_key(tmp_path), 0, {1: "a", 2: "b", 3: "c"})
    wide = table_with_a_key(tmp_path, schema=SCHEMA.append(pa.field("more", pa.string())))
    later = write_parts(wide, rows({1: "d"}, more=pa.array(["x"])))
    replace_module.replace_once(wide, later, writer="w", version=1)
    spark.sql(f"ALTER TABLE delta.`{wide.path}` ADD COLUMNS (theirs INT)")
    spark.sql(f"UPDATE delta.`{wide.path}` SET theirs = 7 WHERE id = 1")
    put(table_with_a_key(tmp_path), 2, {2: "e"}, gone=[3])
    found = spark.sql(f"SELECT id, name, more, theirs FROM delta.`{wide.path}` ORDER BY id").collect()
    assert [tuple(row) for row in found] == [(1, "d", "x", 7), (2, "e", None, None)]


def test_an_optimize_between_snapshot_and_entry_is_planned_around(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    table = table_with_a_key(tmp_path)
    put(table, 0, dict.fromkeys(range(20), "a"))
    put(table, 1, {30: "b"}, gone=[19])

    def late(path: str, version: int, actions: object) -> bool:
        monkeypatch.setattr(replace_module, "put_if_absent", put_if_absent)
        spark.sql(f"OPTIMIZE delta.`{path}`")
        return put_if_absent(path, version, actions)  # type: ignore[arg-type]

    monkeypatch.setattr(replace_module, "put_if_absent", late)
    assert put(table, 2, {1: "c"}, gone=[2])
    expected = {**{n: "a" for n in range(19) if n != 2}, 1: "c", 30: "b"}
    assert of_spark(spark, table) == named(scanned(table.path)) == expected
    operations = [row["operation"] for row in spark.sql(f"DESCRIBE HISTORY delta.`{table.path}`").collect()]
    assert operations == ["MERGE", "OPTIMIZE", "MERGE", "MERGE", "CREATE TABLE"]
