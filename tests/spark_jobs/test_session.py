from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark
import pytest
from support.open_ports import beyond_this_machine, ports_of_children

from config import runtime
from config.errors import DeltaNotLoadedError, JavaNotFoundError, MissingJarsError
from config.runtime import ROOT, spark_defaults
from config.settings import Settings
from spark_jobs import session as session_module
from spark_jobs.session import reachable, spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WRITE_AND_READ = """
import sys
from config.settings import load
from spark_jobs.session import spark_session
spark = spark_session(load(dotenv=None))
spark.range(3).write.format("delta").save(sys.argv[1])
print("rows", spark.read.format("delta").load(sys.argv[1]).count())
print("memory", spark.conf.get("spark.driver.memory"))
"""


def test_a_delta_table_is_written_and_read(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.format("delta").save(str(tmp_path / "t"))
    assert spark.read.format("delta").load(str(tmp_path / "t")).count() == 3


def test_the_session_has_what_the_file_says(spark: SparkSession) -> None:
    own = {"spark.sql.shuffle.partitions", "spark.driver.memory", "spark.jars"}
    for key, value in spark_defaults().items():
        assert key in own or spark.conf.get(key) == value, key
    assert spark.conf.get("spark.driver.memory") == "2048m"


def test_workers_run_this_python(spark: SparkSession) -> None:
    seen = spark.sparkContext.parallelize([0], 1).map(lambda _: sys.executable).collect()
    assert seen == [sys.executable]


def test_no_port_is_open_but_to_this_machine(spark: SparkSession) -> None:
    assert spark.sparkContext.parallelize(range(4), 2).map(lambda each: each).count() == 4  # workers have sockets too
    ports = ports_of_children(os.getpid())
    assert len(ports) > 1
    assert beyond_this_machine(ports) == []


def test_what_spark_logs_does_nothing_on_a_terminal(spark: SparkSession) -> None:
    hostile = "a\x1b[2J\x9b31m\u202eb\x07\n2026-01-29 12:00:00 | ERROR    | forged: c"
    jvm: Any = spark._jvm
    log4j = jvm.org.apache.logging.log4j
    event = (
        log4j.core.impl.Log4jLogEvent.newBuilder()
        .setLoggerName("org.apache.spark.Some")
        .setLevel(log4j.Level.ERROR)
        .setMessage(log4j.message.SimpleMessage(hostile))
        .setThrown(jvm.java.lang.RuntimeException(hostile))
        .build()
    )
    layout = log4j.LogManager.getContext(False).getConfiguration().getAppender("console").getLayout()
    first, *others = layout.toSerializable(event).split("\n")
    assert first[19:] == " | ERROR    | Some: a?[2J?31m?b?"
    assert others[:3] == [
        "    2026-01-29 12:00:00 | ERROR    | forged: c",
        "    java.lang.RuntimeException: a?[2J?31m?b?",
        "    2026-01-29 12:00:00 | ERROR    | forged: c",
    ]
    assert all(line.startswith("    ") or not line for line in others)


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*,3]", "local-cluster[1,1,1024]"])
def test_where_spark_is_all_on_this_machine_it_listens_to_this_machine(master: str) -> None:
    conf = reachable({"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "a": "b"}, master)
    assert conf == {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "a": "b"}


@pytest.mark.parametrize("master", ["spark://host:7077", "yarn", "k8s://host"])
def test_where_workers_are_elsewhere_they_can_reach_the_driver(master: str) -> None:
    conf = reachable({"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "a": "b"}, master)
    assert conf == {"a": "b"}
    assert reachable({"spark.driver.host": "10.0.0.7"}, master) == {"spark.driver.host": "10.0.0.7"}


def test_a_poison_value_gives_null(spark: SparkSession) -> None:
    assert spark.sql("SELECT CAST('x' AS INT) AS n").first() == (None,)


def test_a_session_that_is_there_is_used(spark: SparkSession) -> None:
    assert spark_session(Settings()).sparkContext is spark.sparkContext


def test_a_spark_without_delta_is_named_with_the_way_out(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "DELTA_EXTENSION", "io.delta.sql.NoSuchExtension")
    with pytest.raises(DeltaNotLoadedError, match=r"--properties-file config/spark-defaults\.conf"):
        session_module._require_delta(spark)


def test_missing_jars_stop_before_spark_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "require_jars", lambda: runtime.require_jars(tmp_path))
    with pytest.raises(MissingJarsError, match="run `make setup`"):
        session_module._start(Settings(), "test", {})


def test_no_java_stops_before_spark_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "find_java", lambda: runtime.find_java({"PATH": ""}, tmp_path))
    with pytest.raises(JavaNotFoundError, match="run `make setup`"):
        session_module._start(Settings(), "test", {})


@pytest.mark.journey
def test_python_in_another_folder_and_spark_submit_start_the_same_spark(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(WRITE_AND_READ)
    env = dict(os.environ) | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    ways = {
        "python": ([sys.executable, str(script)], tmp_path, {"DRIVER_MEMORY": "1g"}),
        "submit": ([str(submit), "--properties-file", "config/spark-defaults.conf", str(script)], ROOT, {}),
    }
    said = {}
    for way, (command, folder, more) in ways.items():
        done = subprocess.run(
            [*command, str(tmp_path / way)], cwd=folder, env=env | more, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        said[way] = done.stdout.split("\n")
        assert [line for line in done.stderr.splitlines() if "incubator" not in line] == []
    assert said == {"python": ["rows 3", "memory 1024m", ""], "submit": ["rows 3", "memory 4g", ""]}
