"""``tally stream``: the streaming job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Annotated

import typer

from config.settings import Settings
from spark_jobs.cli.options import Subjects, lake_of, load_registry, load_settings_and_log

log = logging.getLogger("tallylake.stream")


def stream(
    subjects: Subjects = None,
    once: Annotated[bool, typer.Option("--once", help="Take in what has landed, then stop.")] = False,
) -> None:
    """Run the streaming job until Ctrl-C or SIGTERM. The same as `spark-submit … spark_jobs/stream.py`."""
    run_stream(load_settings_and_log("spark_streaming"), subjects or [], once=once)


def run_stream(settings: Settings, subjects: Sequence[str], *, once: bool) -> None:
    """Stream the subjects (all of the registry's where none is named) until stopped, or drained with ``once``.

    The publisher runs in the background. Unknown subjects are refused before Spark is started.
    """
    from spark_jobs.publish.background import publishing_in_background
    from spark_jobs.queries.application import Application, Listener
    from spark_jobs.queries.signals import stop_on_signals
    from spark_jobs.render.stream import log_books, log_landed
    from spark_jobs.session import spark_session
    from spark_jobs.storage.files import make_private_folder

    registry = load_registry(settings)
    names = list(subjects) or sorted(registry.subjects)
    for name in names:
        registry.subject(name)
    stop = threading.Event()
    spark = spark_session(settings)
    stop_on_signals(spark, stop)
    log.info("streaming %s into %s%s", ", ".join(names), settings.lake.root, " once" if once else "; Ctrl-C stops it")
    lake = lake_of(settings)
    make_private_folder(lake.root)
    application = Application(spark, settings, registry, names, Listener(log_landed, log_books), stop, lake)
    with publishing_in_background(settings, registry, lake, once=once):
        application.run(once=once)
    log.info("stopped after a whole batch" if stop.is_set() else "drained: all that had landed is in the lake")
