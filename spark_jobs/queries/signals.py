"""Ctrl-C and SIGTERM ask the stream to stop after its batch, whichever process they reach.

Started from Python, Spark's JVM is a child that ignores Ctrl-C. Under spark-submit the JVM is the parent and gets the signal
first: without a handler of ours it would tear everything down in mid-batch (harmless, but not clean).
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from pyspark.java_gateway import ensure_callback_server_started

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SIGNALS = ("INT", "TERM")


class _JvmHandler:
    """A signal handler that the JVM can call."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def handle(self, received: Any) -> None:
        self._stop.set()

    class Java:
        """The Java interface that py4j lets this object implement."""

        implements = ("sun.misc.SignalHandler",)


def stop_on_signals(spark: SparkSession, stop: threading.Event) -> None:
    """Set ``stop`` when this process or the JVM is asked to end."""
    if threading.current_thread() is threading.main_thread():
        for name in SIGNALS:
            signal.signal(getattr(signal, f"SIG{name}"), lambda *_: stop.set())
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return
    ensure_callback_server_started(spark.sparkContext._gateway)  # type: ignore[no-untyped-call]
    misc = spark._jvm.sun.misc  # type: ignore[union-attr]
    for name in SIGNALS:
        misc.Signal.handle(misc.Signal(name), _JvmHandler(stop))
