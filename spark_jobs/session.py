"""The Spark session: one configuration, whoever starts Spark.

Started from Python, Spark gets config/spark-defaults.conf and the settings before its JVM starts. Under spark-submit
the JVM is there already with what ``--properties-file`` gave it: jars and extensions come too late; they are checked.
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
    """The session that reads and writes Delta tables; `extra` are Spark properties that win over the file's.

    Raises JavaNotFoundError, MissingJarsError or DeltaNotLoadedError, each with the way out.
    """
    _use_this_python(settings)
    if SparkSession.getActiveSession() is None and not _under_spark_submit():
        return _started(settings, app_name, extra or {})
    if SparkSession.getActiveSession() is None:
        _let_workers_in()
    builder = SparkSession.builder.appName(app_name)
    for key, value in (extra or {}).items():
        builder = builder.config(key, value)
    spark = _with_delta(builder.getOrCreate())
    if _under_spark_submit() and f"{JARS.parent.name}/{JARS.name}/" in str(spark.conf.get("spark.jars", "")):
        require_jars()  # the launcher has put them on the class path: nothing more is done with ones that are not ours
    return spark


def _started(settings: Settings, app_name: str, extra: Mapping[str, str]) -> SparkSession:
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
    return _with_delta(builder.getOrCreate())


def _under_spark_submit() -> bool:
    """Spark's launcher started this process and waits for it at a port."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def reachable(conf: Mapping[str, str], master: str) -> dict[str, str]:
    """The properties without those that keep the driver to this machine, where its workers are on others."""
    if _is_local(master):
        return dict(conf)
    return {key: value for key, value in conf.items() if key not in _KEEPING_IN or value != THIS_MACHINE}


_KEEPING_IN = ("spark.driver.host", "spark.driver.bindAddress")


def _is_local(master: str) -> bool:
    return master.startswith("local")


def _let_workers_in() -> None:
    """Under spark-submit: drop what the file of properties says of this machine, where ``--master`` is elsewhere."""
    SparkContext._ensure_initialized()
    conf = dict(SparkConf().getAll())
    jvm: Any = SparkContext._jvm
    for key in conf.keys() - reachable(conf, conf.get("spark.master", "local[*]")).keys():
        jvm.java.lang.System.clearProperty(key)


def _use_this_python(settings: Settings) -> None:
    """Workers run the interpreter that runs this; elsewhere than on this machine they may be told otherwise."""
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


def _with_delta(spark: SparkSession) -> SparkSession:
    """The same session, once it is known to have Delta Lake."""
    named = str(spark.conf.get("spark.sql.extensions", "")).split(",")
    if DELTA_EXTENSION not in named or not _is_loadable(spark, DELTA_EXTENSION):
        raise DeltaNotLoadedError(
            "Spark was started without Delta Lake: start it from the project's root with "
            "`spark-submit --properties-file config/spark-defaults.conf …` (and `make setup` once, for the jars)."
        )
    return spark


def _is_loadable(spark: SparkSession, name: str) -> bool:
    """The JVM has the class, so the jars that were named are there too."""
    jvm: Any = spark._jvm
    return bool(jvm.org.apache.spark.util.Utils.classIsLoadable(name))
