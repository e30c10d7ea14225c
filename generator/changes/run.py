"""A run that writes the files of a shop's changes into the landing folder: all wanted subjects together, day by day.

options = ShopOptions(out=landing, subjects=("customers", "orders"), manifests=(m1, m2), files=30, every_seconds=0)
report = run_shop(options)
"""

from __future__ import annotations

import contextlib
import gc
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.feed import Feed
from generator.changes.options import ShopOptions
from generator.changes.simulation import ShopSimulation
from generator.clock import to_ms
from generator.delivery import FileReport, Pace, RunReport, exclusive_writer, ignore_report, stop_event
from generator.options import OptionsError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from generator.changes.planned_file import PlannedFile

LONGEST_WAIT_MS = 3_600_000


def run_shop(
    options: ShopOptions,
    on_file: Callable[[FileReport], None] = ignore_report,
    stop: threading.Event | None = None,
) -> RunReport:
    """Write the files of ``options.files`` days (None: until stopped) behind those that are there already.

    A day is written once it is over by the wall clock. Ends after the current day once ``stop`` is set; without a
    ``stop``, SIGINT and SIGTERM set one. At the end ``<manifest stem>.truth.jsonl`` is next to each manifest. A run
    that was killed is continued as if it had not been: the shop is simulated again from its first day, same
    options, same bytes. Raises OptionsError if the folder belongs to another shop or another generator writes into it,
    or if the days wanted are not over by the time they would be written.
    """
    options.refuse_future_start(datetime.now(UTC))
    for path in (*(options.out / subject for subject in options.subjects), *(m.parent for m in options.manifests)):
        path.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as resources:
        for subject in options.subjects:
            resources.enter_context(exclusive_writer(options.out / subject))
        event = resources.enter_context(stop_event(stop))
        resources.enter_context(_rare_garbage_collection())
        run = _Run(options, on_file, event)
        resources.callback(run.close)
        return run.report()


def write_shop(folder: Path, subjects: Sequence[str] = SHOP_SUBJECTS, **values: Any) -> RunReport:
    """Write a shop's files for tests and benchmarks, at full speed: ``folder/landing/<subject>/…``.

    Manifests and truths go to ``folder/manifests``. ``values`` are further ones of ShopOptions, ``files`` among them.
    """
    manifests = tuple(folder / "manifests" / f"{subject}.jsonl" for subject in subjects)
    base: dict[str, Any] = {"out": folder / "landing", "manifests": manifests, "every_seconds": 0}
    return run_shop(ShopOptions(subjects=tuple(subjects), **(base | values)))


@contextlib.contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Run the garbage collector less often: a day makes many small tuples and no cycles, and collecting costs a third."""
    former = gc.get_threshold()
    gc.set_threshold(100_000, *former[1:])
    try:
        yield
    finally:
        gc.set_threshold(*former)


class _Run:
    """One run: the simulation goes on day by day, the feeds write what is not written yet."""

    def __init__(self, options: ShopOptions, on_file: Callable[[FileReport], None], stop: threading.Event) -> None:
        self._options, self._on_file, self._stop = options, on_file, stop
        named = dict(zip(options.subjects, options.manifests, strict=False))
        # In the order in which one refers to another, so that a reader of all of them seldom finds a gap.
        self._feeds = [Feed(name, named[name], options) for name in SHOP_SUBJECTS if name in named]
        self._refuse_future_days()
        self._simulation, self._report, self._begun = ShopSimulation(options), RunReport(), time.monotonic()
        self._pace = Pace(options.every_seconds, stop)

    def _refuse_future_days(self) -> None:
        options, now_ms = self._options, to_ms(datetime.now(UTC))
        days = min(feed.delivered_days for feed in self._feeds) + (options.files or 0)
        waits_ms = options.begin_ms(days) - now_ms - (options.files or 0) * options.every_seconds * 1_000
        if options.files and waits_ms > LONGEST_WAIT_MS:
            over = (now_ms - to_ms(options.start)) // options.day_ms
            raise OptionsError(
                f"files would reach day {days} from the start, but only {over} are over: choose an earlier start"
            )

    def report(self) -> RunReport:
        """Simulate and write until the days are done or a stop is asked for; then write the truths."""
        days = 0
        for day, files in self._days():
            if files and days != self._options.files:
                if days:
                    self._pace.next_due()
                if self._pace.wait(self._options.begin_ms(day + 1)):
                    break
                self._write(files)
                days += 1
            # A feed that an earlier run took further is counted to its end, though nothing is written meanwhile.
            is_done = days == self._options.files and all(feed.is_caught_up for feed in self._feeds)
            if is_done or self._stop.is_set():
                break
        return self._finished()

    def _days(self) -> Iterator[tuple[int, list[tuple[Feed, PlannedFile]]]]:
        """Yield each day with the files that are still to be delivered."""
        day = 0
        while True:
            changes = self._simulation.next_day()
            yield day, [(feed, file) for feed in self._feeds for file in feed.next_day(changes[feed.subject])]
            day += 1

    def _write(self, files: Sequence[tuple[Feed, PlannedFile]]) -> None:
        for feed, file in files:
            delivered = feed.deliver(file)
            self._report.add(delivered)
            self._on_file(delivered)

    def _finished(self) -> RunReport:
        for feed in self._feeds:
            feed.write_truth()
        self._report.seconds, self._report.stopped = time.monotonic() - self._begun, self._stop.is_set()
        return self._report

    def close(self) -> None:
        """Close the feeds, also after a failure."""
        for feed in self._feeds:
            feed.close()
