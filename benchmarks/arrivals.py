"""A running stream into which files are dropped, and how long it takes from a file's arrival until it is dealt with."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from spark_jobs.queries.application import Application, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.stage import Stage
    from config.settings import Settings
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport


@contextmanager
def running(
    stage: Stage, settings: Settings, subject: str, drop: Path, landed: list[IngestReport], books: list[Books]
) -> Iterator[None]:
    """The real application over a folder, without pauses, until the block ends."""
    settings = replace(settings, lake=replace(settings.lake, landing=drop))
    settings = replace(settings, streaming=replace(settings.streaming, trigger_interval=timedelta(milliseconds=10)))
    stop = threading.Event()
    listener = Listener(landed.append, books.append)
    application = Application(stage.spark, settings, stage.registry, [subject], listener, stop)
    thread = threading.Thread(target=application.run, kwargs={"once": False})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def arrived(hidden: Path, shown: Path, done: Sequence[Any], patience: float) -> float:
    """Show a hidden file; seconds until one more is done. TimeoutError after ``patience`` seconds."""
    before = len(done)
    began = time.perf_counter()
    hidden.rename(shown)
    while len(done) == before:
        if time.perf_counter() - began > patience:
            raise TimeoutError(f"{shown.name} was not done within {patience} s")
        time.sleep(0.002)
    return time.perf_counter() - began


def copied(file: Path, folder: Path, done: Sequence[Any], patience: float) -> float:
    """The same for a copy of a file that is dropped into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f".{file.name}"
    shutil.copy(file, hidden)
    return arrived(hidden, folder / file.name, done, patience)
