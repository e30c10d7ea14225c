"""Publishing in the background of a stream: what goes wrong with it is logged and never stops the lake."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spark_jobs.errors import BusyError, TallyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.publish.publisher import Publisher

log = logging.getLogger("tallylake.publish")

#: Seconds after which a stream looks again whether the process that publishes its lake has ended.
BUSY_SECONDS = 5.0
#: Seconds after which a stream tries again where the database could not be used at all.
RETRY_SECONDS = 60.0
#: How long a stream that was told to stop waits for what it has just written to be published.
FINISH_SECONDS = 10.0
#: How long after that it waits for its publisher to end, whatever that waits for; it ends by itself well before.
STOP_SECONDS = 30.0


@contextmanager
def publishing_in_background(settings: Settings, registry: Registry, lake: Lake, *, once: bool) -> Iterator[None]:
    """Publish while the block runs or, with ``once``, after it; not where PUBLISH is off."""
    stop = threading.Event()
    publisher = _publisher(settings, registry, lake, stop) if settings.database.publish == "on" else None
    if publisher is None:
        yield
    elif once:
        yield
        _log_failure(publisher.catch_up)
    else:
        thread = threading.Thread(target=_publish, args=(publisher, stop), name="publish", daemon=True)
        thread.start()
        try:
            yield
            publisher.wait_until_published(FINISH_SECONDS)
        finally:
            stop.set()
            thread.join(STOP_SECONDS)


def _publisher(settings: Settings, registry: Registry, lake: Lake, stop: threading.Event) -> Publisher | None:
    try:
        from spark_jobs.publish.publisher import Publisher
    except ImportError as error:
        log.warning(
            "PUBLISH is on, but %s is not installed: pip install 'tallylake[postgres]', or set PUBLISH=off; "
            "the lake goes on without Postgres",
            error.name,
        )
        return None
    return Publisher(settings, registry, lake, stop)


def _publish(publisher: Publisher, stop: threading.Event) -> None:
    """Publish as soon as no other process does. What cannot be published at all is tried again after a while."""
    while not stop.is_set():
        wait = RETRY_SECONDS
        try:
            _log_failure(publisher.run, but=BusyError)
        except BusyError as error:
            log.debug("%s", error)
            wait = BUSY_SECONDS
        stop.wait(wait)


def _log_failure(action: Callable[[], None], but: type[Exception] | tuple[()] = ()) -> None:
    """Run the action and log what goes wrong; only an error of the type ``but`` is raised."""
    try:
        action()
    except but:
        raise
    except TallyError as error:
        log.warning("not published: %s; the lake has everything", error)
    except Exception as error:  # whatever it is, it must not take the stream with it
        log.exception("not published: %s; the lake has everything", error, exc_info=error)
