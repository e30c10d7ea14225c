"""Delivery of files into the landing folder: whole or not at all, by one writer, at a given pace."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.clock import to_ms
from generator.manifest import count_outcomes
from generator.options import OptionsError
from generator.recovery import temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.built_file import BuiltFile

CLOCK_MARGIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file delivered. ``source`` is relative to the landing root; ``outcomes`` counts its rows.

    ``version`` is None for a file without a usable header or with rows of several; ``kind`` names the
    fault of the whole file.
    """

    source: str
    rows: int
    bytes: int
    version: int | None
    kind: str | None
    outcomes: dict[str, int]


@dataclass(slots=True)
class RunReport:
    """The files a run delivered, small faulty ones included; ``stopped`` is True if it was asked to end early."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    stopped: bool = False

    def add(self, report: FileReport) -> None:
        """Count one more file."""
        self.files += 1
        self.rows += report.rows
        self.bytes += report.bytes
        self.outcomes.update(report.outcomes)


def deliver(out: Path, source: str, built: BuiltFile, announce: Callable[[], object]) -> FileReport:
    """Write the file under a temporary name, ``announce`` it in the manifest, rename it to ``out/source``.

    Killed before the manifest's closing line: the block does not count and is cut off at the next start. Killed before
    the rename: the temporary file tells the next start to make this very file again. After it: nothing to do.
    """
    path = out / source
    packed = gzip.compress(built.data, compresslevel=6, mtime=0) if path.suffix == ".gz" else built.data
    temporary = path.with_name(temporary_name(path.name))
    temporary.write_bytes(packed)
    announce()
    temporary.replace(path)
    rows, outcomes = len(built.faults), count_outcomes(built.faults)
    return FileReport(source, rows, len(packed), built.version, built.kind_name, outcomes)


class Pace:
    """Waits between regular files: the pace, and the wall clock to be a minute past a file's simulated end."""

    def __init__(self, every_seconds: float, stop: threading.Event) -> None:
        self._every, self._stop, self._due = every_seconds, stop, time.monotonic()

    def next_due(self) -> None:
        """Set the next file's due time; a run that fell behind catches up by one file at most."""
        self._due = max(self._due + self._every, time.monotonic() - self._every)

    def wait(self, until_ms: int) -> bool:
        """Wait until the file is due and ``until_ms`` is over; return True as soon as asked to stop."""
        ahead = (until_ms + CLOCK_MARGIN_MS - to_ms(datetime.now(UTC))) / 1_000
        return self._stop.wait(max(self._due - time.monotonic(), ahead, 0))


@contextlib.contextmanager
def exclusive_writer(folder: Path) -> Iterator[None]:
    """Hold the folder against a second generator; the lock goes with the process, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OptionsError(f"another generator is writing into {folder}: stop it or choose another --out") from None
    finally:
        os.close(handle)


@contextlib.contextmanager
def stop_event(stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """Yield the given event, or one that SIGINT and SIGTERM set; former handlers are restored at the end."""
    event = stop or threading.Event()
    if stop is not None or threading.current_thread() is not threading.main_thread():
        yield event
        return
    former = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def ignore_report(_: FileReport) -> None:
    """Do nothing with a file's report."""
