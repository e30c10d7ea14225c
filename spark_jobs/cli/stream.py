"""``tally stream``: the session, the publisher beside it, and the application until it is stopped or drained."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from schema_registry.registry import load as load_registry
from spark_jobs.lake import Lake
from spark_jobs.publish.background import publishing_in_background
from spark_jobs.queries.application import Application, Listener
from spark_jobs.queries.signals import stop_on_signals
from spark_jobs.render.stream import log_books, log_landed
from spark_jobs.session import spark_session
from spark_jobs.storage.files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings

log = logging.getLogger("tallylake.stream")


def run_stream(settings: Settings, subjects: Sequence[str], *, once: bool, listener: Listener | None = None) -> None:
    """Stream the subjects (all of the registry's where none is named) until stopped, or drained with ``once``."""
    registry = load_registry(settings.lake.contracts)
    names = list(subjects) or sorted(registry.subjects)
    for name in names:
        registry.subject(name)
    stop = threading.Event()
    spark = spark_session(settings)
    stop_on_signals(spark, stop)
    log.info("streaming %s into %s%s", ", ".join(names), settings.lake.root, " once" if once else "; Ctrl-C stops it")
    lake = Lake(settings.lake.root.resolve())
    make_private_folder(lake.root)
    application = Application(spark, settings, registry, names, listener or Listener(log_landed, log_books), stop, lake)
    with publishing_in_background(settings, registry, lake, once=once):
        application.run(once=once)
    log.info("stopped after a whole batch" if stop.is_set() else "drained: all that had landed is in the lake")
