"""Writing files into the landing folder: one after the other, whole or not at all, at a given pace."""

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
from generator.files import BuiltFile, FileBuilder
from generator.manifest import block, outcomes_of
from generator.options import GeneratorOptions, OptionsError
from generator.resume import file_name, resumed_world, temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.plan import World

CLOCK_MARGIN_MS = 60_000


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file delivered. ``source`` is relative to the landing root; ``outcomes`` counts its rows.

    ``version`` is None for a file without a usable header; ``kind`` names what is unusual about the whole file.
    """

    source: str
    rows: int
    bytes: int
    version: int | None
    kind: str | None
    outcomes: dict[str, int]


@dataclass(slots=True)
class RunReport:
    """What a run delivered, small faulty files included; ``stopped`` tells whether it was asked to end early."""

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


def run(
    options: GeneratorOptions,
    on_file: Callable[[FileReport], None] | None = None,
    stop: threading.Event | None = None,
) -> RunReport:
    """Write ``options.files`` regular files (None: until stopped) behind those that are there already.

    Ends after the current file once ``stop`` is set; without a ``stop``, SIGINT and SIGTERM set one. A run that was
    killed is continued as if it had not been: same options, same bytes. Raises OptionsError if another generator
    writes into the same folder or the start lies in the future.
    """
    if options.start > datetime.now(UTC):
        raise OptionsError(f"start must not lie in the future, but is {options.start.isoformat()}")
    folder = options.out / options.subject
    folder.mkdir(parents=True, exist_ok=True)
    options.manifest.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(folder), _stop_event(stop) as event:
        return _write_files(options, on_file or _ignore, event)


def _write_files(options: GeneratorOptions, on_file: Callable[[FileReport], None], stop: threading.Event) -> RunReport:
    world, index = resumed_world(options)
    builder, report, begun, regular = FileBuilder(world), RunReport(), time.monotonic(), 0
    due = begun
    with options.manifest.open("a", encoding="utf-8") as manifest:
        while regular != options.files:
            plan = world.plan(index)
            if plan.regular and regular:
                due = max(due + options.every_seconds, time.monotonic() - options.every_seconds)
            if _wait(due, plan.until_ms, stop):
                break
            delivered = _deliver(builder.build(index), world, manifest.write, manifest.flush)
            report.add(delivered)
            on_file(delivered)
            regular, index = regular + plan.regular, index + 1
    report.seconds, report.stopped = time.monotonic() - begun, stop.is_set()
    return report


def _deliver(built: BuiltFile, world: World, write: Callable[[str], object], flush: Callable[[], object]) -> FileReport:
    """File under a temporary name, then its rows in the manifest, then the final name.

    Killed before the manifest's closing line: the block does not count and is cut off at the next start. Killed before
    the rename: the temporary file tells the next start to make this very file again. After it: nothing to do.
    """
    options = world.options
    folder, name = options.out / options.subject, file_name(built.plan.index, gzipped=options.gzip)
    temporary, source = folder / temporary_name(name), f"{options.subject}/{name}"
    data = gzip.compress(built.data, compresslevel=6, mtime=0) if options.gzip else built.data
    temporary.write_bytes(data)
    write(block(built, source, world))
    flush()
    temporary.replace(folder / name)
    kind = built.plan.kind.name if built.plan.kind else None
    return FileReport(source, built.plan.rows, len(data), built.version, kind, outcomes_of(built))


def _wait(due: float, until_ms: int, stop: threading.Event) -> bool:
    """Wait for the pace, and for the wall clock to be a minute past ``until_ms``; True as soon as asked to stop."""
    behind = (until_ms + CLOCK_MARGIN_MS - to_ms(datetime.now(UTC))) / 1_000
    return stop.wait(max(due - time.monotonic(), behind, 0))


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
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
def _stop_event(stop: threading.Event | None) -> Iterator[threading.Event]:
    """The given event, or one that SIGINT and SIGTERM set; former handlers come back at the end."""
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


def _ignore(_: FileReport) -> None:
    """Nobody wants to hear of files."""
