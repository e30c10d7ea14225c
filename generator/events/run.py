"""A run that writes files of events into the landing folder, one after the other, behind those that are there already."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.clock import to_ms
from generator.delivery import FileReport, Pace, RunReport, deliver, exclusive_writer, ignore_report, stop_event
from generator.events.files import FileBuilder
from generator.events.plan import World
from generator.manifest import Closing, block
from generator.recovery import recover

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import TextIO

    from generator.built_file import BuiltFile
    from generator.events.options import EventOptions
    from generator.events.plan import FilePlan

_DELIVERED = re.compile(r"events_(\d{6,})\.csv(?:\.gz)?")


def run_events(
    options: EventOptions,
    on_file: Callable[[FileReport], None] = ignore_report,
    stop: threading.Event | None = None,
) -> RunReport:
    """Write ``options.files`` regular files (None: until stopped) behind those that are there already.

    Ends after the current file once ``stop`` is set; without a ``stop``, SIGINT and SIGTERM set one. A run that was
    killed is continued as if it had not been: same options, same bytes. Raises OptionsError if another generator
    writes into the same folder or the start lies in the future.
    """
    options.refuse_future_start(datetime.now(UTC))
    folder = options.out / options.subject
    folder.mkdir(parents=True, exist_ok=True)
    options.manifest.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_writer(folder), stop_event(stop) as event:
        return _write_files(options, on_file, event)


def _write_files(options: EventOptions, on_file: Callable[[FileReport], None], stop: threading.Event) -> RunReport:
    world, index = resumed_world(options)
    builder, report, begun, regular = FileBuilder(world), RunReport(), time.monotonic(), 0
    pace = Pace(options.every_seconds, stop)
    with options.manifest.open("a", encoding="utf-8") as manifest:
        while regular != options.files:
            plan = world.plan(index)
            if plan.regular and regular:
                pace.next_due()
            if pace.wait(plan.until_ms):
                break
            delivered = _deliver(builder.build(index), plan, world, manifest)
            report.add(delivered)
            on_file(delivered)
            regular, index = regular + plan.regular, index + 1
    report.seconds, report.stopped = time.monotonic() - begun, stop.is_set()
    return report


def _deliver(built: BuiltFile, plan: FilePlan, world: World, manifest: TextIO) -> FileReport:
    options = world.options
    source = f"{options.subject}/events_{plan.index:06d}.csv{'.gz' if options.gzip else ''}"
    closing = Closing(
        file=source,
        number=plan.index,
        rows=plan.rows,
        kind=built.kind_name,
        world=options.fingerprint(),
        first=world.first,
        origin_ms=world.origin_ms,
        until_ms=plan.until_ms,
    )

    def announce() -> None:
        manifest.write(block("event_id", built, closing))
        manifest.flush()

    return deliver(options.out, source, built, announce)


def resumed_world(options: EventOptions) -> tuple[World, int]:
    """Return the world to write in and the number of the next file, after recovery from a run that was killed.

    Other options than before begin a new world behind the old one, whose clock does not go back and whose copies are
    of its own files only.
    """
    folder = options.out / options.subject
    last = recover(folder, options.manifest)
    numbers = [int(found[1]) for path in folder.iterdir() if (found := _DELIVERED.fullmatch(path.name))]
    index = max([*numbers, last.number if last else 0]) + 1
    if last and last.world == options.fingerprint() and last.number == index - 1:
        return World(options, last.first, last.origin_ms), index
    return World(options, index, max(to_ms(options.start), last.until_ms if last else 0)), index
