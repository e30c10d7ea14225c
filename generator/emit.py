"""Writing files of events into the landing folder, one after the other, behind those that are there already."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.delivery import FileReport, RunReport, deliver, ignore, only_writer, stop_event, wait
from generator.files import BuiltFile, FileBuilder
from generator.manifest import block, outcomes_of
from generator.options import GeneratorOptions, OptionsError
from generator.resume import file_name, resumed_world

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from generator.plan import World


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
    with only_writer(folder), stop_event(stop) as event:
        return _write_files(options, on_file or ignore, event)


def _write_files(options: GeneratorOptions, on_file: Callable[[FileReport], None], stop: threading.Event) -> RunReport:
    world, index = resumed_world(options)
    builder, report, begun, regular = FileBuilder(world), RunReport(), time.monotonic(), 0
    due = begun
    with options.manifest.open("a", encoding="utf-8") as manifest:
        while regular != options.files:
            plan = world.plan(index)
            if plan.regular and regular:
                due = max(due + options.every_seconds, time.monotonic() - options.every_seconds)
            if wait(due, plan.until_ms, stop):
                break
            delivered = _deliver(builder.build(index), world, manifest.write, manifest.flush)
            report.add(delivered)
            on_file(delivered)
            regular, index = regular + plan.regular, index + 1
    report.seconds, report.stopped = time.monotonic() - begun, stop.is_set()
    return report


def _deliver(built: BuiltFile, world: World, write: Callable[[str], object], flush: Callable[[], object]) -> FileReport:
    options = world.options
    name = file_name(built.plan.index, gzipped=options.gzip)
    source = f"{options.subject}/{name}"

    def announce() -> None:
        write(block(built, source, world))
        flush()

    size = deliver(options.out / source, built.data, announce)
    kind = built.plan.kind.name if built.plan.kind else None
    return FileReport(source, built.plan.rows, size, built.version, kind, outcomes_of(built.fates))


__all__ = ["FileReport", "GeneratorOptions", "RunReport", "run"]
