"""``tally publish``: the lake's tables to Postgres, without a stream."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from spark_jobs.cli.options import lake_of, load_registry, load_settings_and_log
from spark_jobs.errors import UsageError
from spark_jobs.render.publish import show_published


def publish(
    once: Annotated[bool, typer.Option("--once", help="Publish until nothing is behind, then stop.")] = False,
) -> None:
    """Publish the lake's tables to Postgres until Ctrl-C, without a stream; with PUBLISH=on `tally stream` does it itself."""
    settings = load_settings_and_log("publish")
    registry = load_registry(settings)
    try:
        from spark_jobs.publish.publisher import Publisher
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'tallylake[postgres]'") from error
    publisher = Publisher(settings, registry, lake_of(settings), _stop_on_signals())
    if once:
        publisher.catch_up()
        show_published(publisher)
    else:
        publisher.run()


def _stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set from now on."""
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    return stop
