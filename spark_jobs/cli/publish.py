"""``tally publish``: the lake's tables to Postgres, without a stream."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from spark_jobs.errors import UsageError
from spark_jobs.render.terminal import say

if TYPE_CHECKING:
    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake


def run_publish(settings: Settings, registry: Registry, lake: Lake, *, once: bool) -> None:
    """Publish until Ctrl-C or SIGTERM or, with ``once``, until nothing is behind."""
    try:
        from spark_jobs.publish.publisher import Publisher
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'tallylake[postgres]'") from error
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    publisher = Publisher(settings, registry, lake, stop)
    if not once:
        publisher.run()
        return
    publisher.catch_up()
    shown = sum(one.shown is not None for one in publisher.tables)
    say(f"{shown} tables are published; {publisher.rows:,} rows were written")
