"""The streaming job: ``spark-submit --properties-file config/spark-defaults.conf spark_jobs/stream.py [SUBJECT…] [--once]``."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # spark-submit puts this file's folder on the path; the packages lie beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from schema_registry.registry import load as load_registry
from spark_jobs.demo.own_folder import made_private
from spark_jobs.lake import Lake
from spark_jobs.publish.background import published_beside
from spark_jobs.queries.application import Application, Listener
from spark_jobs.queries.signals import stop_on_signals
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

log = logging.getLogger("tallylake.stream")


def stream(settings: Settings, subjects: Sequence[str], *, once: bool, listener: Listener | None = None) -> None:
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
    made_private(lake.root)
    application = Application(spark, settings, registry, names, listener or Listener(log_landed, log_books), stop, lake)
    with published_beside(settings, registry, lake, once=once):
        application.run(once=once)
    log.info("stopped after a whole batch" if stop.is_set() else "drained: all that had landed is in the lake")


def log_landed(report: IngestReport) -> None:
    """A line for what a batch landed."""
    log.info(
        "[Landed %d] %s: %s rows from %d files%s in %.1f s",
        report.batch_id,
        report.subject,
        f"{report.rows:,}",
        report.files,
        f", {report.unreadable:,} unreadable" if report.unreadable else "",
        report.seconds,
    )


def log_books(books: Books) -> None:
    """A line for a batch's books, and one for how it ended."""
    log.info(
        "[Batch %d] %s: read %s = accepted %s + duplicate %s + dead-lettered %s%s; late %s; %.1f s",
        books.batch_id,
        books.subject,
        *(f"{count:,}" for count in (books.rows_read, books.accepted, books.duplicate, books.dead_letter)),
        f" + control {books.control:,}" if books.control else "",
        f"{books.late:,}",
        books.duration_seconds,
    )
    if any(books.effects.values()):
        did = ", ".join(f"{count:,} {effect}" for effect, count in books.effects.items() if count)
        log.info("[Batch %d] %s: the accepted changes: %s", books.batch_id, books.subject, did)
    if books.unaccounted:
        log.error(
            "[Batch %d] DOES NOT BALANCE: %d rows unaccounted; run tally audit", books.batch_id, books.unaccounted
        )
    else:
        log.info("[Batch %d] COMPLETED SUCCESSFULLY", books.batch_id)


if __name__ == "__main__":
    from spark_jobs.cli.app import main

    main(["stream", *sys.argv[1:]])
