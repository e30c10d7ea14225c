"""The Spark session: one configuration, however Spark is started.

Started from Python, Spark gets config/spark-defaults.conf and the settings before its JVM starts. Under spark-submit the JVM
already runs with what ``--properties-file`` gave it; jars and extensions cannot be added any more, so they are only checked.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from config.errors import DeltaNotLoadedError
from config.runtime import JARS, find_java, require_jars, spark_defaults
from spark_jobs.storage.cache import StorageCache, use_storage_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

THIS_MACHINE = "127.0.0.1"
DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"


def spark_session(
    settings: Settings, app_name: str = "tallylake", extra: Mapping[str, str] | None = None
) -> SparkSession:
    """Return a session that reads and writes Delta tables; Spark properties of ``extra`` win over those of the file.

    Raises JavaNotFoundError, MissingJarsError or DeltaNotLoadedError, each with what to do about it.
    """
    _use_this_python(settings)
    if SparkSession.getActiveSession() is None and not _under_spark_submit():
        return _start(settings, app_name, extra or {})
    if SparkSession.getActiveSession() is None:
        _unbind_from_this_machine()
    builder = SparkSession.builder.appName(app_name)
    for key, value in (extra or {}).items():
        builder = builder.config(key, value)
    spark = _require_delta(builder.getOrCreate())
    if _under_spark_submit() and f"{JARS.parent.name}/{JARS.name}/" in str(spark.conf.get("spark.jars", "")):
        require_jars()  # the launcher has put them on the class path: nothing more is done with ones that are not ours
    return spark


def _start(settings: Settings, app_name: str, extra: Mapping[str, str]) -> SparkSession:
    """Start a session in a JVM of its own; what this process kept of tables before is dropped."""
    use_storage_cache(StorageCache())
    require_jars()
    _use_java()
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    memory = f"{settings.streaming.driver_memory // (1 << 20)}m"
    master = settings.streaming.master
    defaults = reachable(spark_defaults(), master)
    conf = {**defaults, "spark.driver.memory": memory, "spark.pyspark.python": sys.executable, **extra}
    builder = SparkSession.builder.master(master).appName(app_name)
    for key, value in conf.items():
        builder = builder.config(key, value)
    return _require_delta(builder.getOrCreate())


def _under_spark_submit() -> bool:
    """True if Spark's launcher started this process and waits for it at a port."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def reachable(conf: Mapping[str, str], master: str) -> dict[str, str]:
    """Return the properties; without those that bind the driver to this machine, if its workers are on others."""
    if _is_local(master):
        return dict(conf)
    return {key: value for key, value in conf.items() if key not in _DRIVER_ADDRESSES or value != THIS_MACHINE}


_DRIVER_ADDRESSES = ("spark.driver.host", "spark.driver.bindAddress")


def _is_local(master: str) -> bool:
    return master.startswith("local")


def _unbind_from_this_machine() -> None:
    """Under spark-submit: drop properties that bind the driver to this machine, if ``--master`` names another."""
    SparkContext._ensure_initialized()
    conf = dict(SparkConf().getAll())
    jvm: Any = SparkContext._jvm
    for key in conf.keys() - reachable(conf, conf.get("spark.master", "local[*]")).keys():
        jvm.java.lang.System.clearProperty(key)


def _use_this_python(settings: Settings) -> None:
    """Let workers run this interpreter; workers on other machines run what PYSPARK_PYTHON names, if it is set."""
    if _is_local(settings.streaming.master):
        os.environ["PYSPARK_PYTHON"] = sys.executable
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _use_java() -> None:
    """Point Spark's launcher at the Java that was found: it looks at JAVA_HOME and then at PATH."""
    home = find_java().home
    if home is None:
        os.environ.pop("JAVA_HOME", None)
    else:
        os.environ["JAVA_HOME"] = str(home)


def _require_delta(spark: SparkSession) -> SparkSession:
    """Return the session; DeltaNotLoadedError if it has no Delta Lake."""
    named = str(spark.conf.get("spark.sql.extensions", "")).split(",")
    if DELTA_EXTENSION not in named or not _is_loadable(spark, DELTA_EXTENSION):
        raise DeltaNotLoadedError(
            "Spark was started without Delta Lake: start it from the project's root with "
            "`spark-submit --properties-file config/spark-defaults.conf …` (and `make setup` once, for the jars)."
        )
    return spark


def _is_loadable(spark: SparkSession, name: str) -> bool:
    """True if the JVM can load the class: the jars that were named are there then."""
    jvm: Any = spark._jvm
    return bool(jvm.org.apache.spark.util.Utils.classIsLoadable(name))
