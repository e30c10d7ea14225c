"""``tally generate``: options and settings to generator runs, a log line a file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.options import DAY_SECONDS, ShopOptions
from generator.changes.run import run_shop
from generator.delivery import FileReport, RunReport, stop_event
from generator.events.options import KNOWN_SUBJECTS, EventOptions
from generator.events.run import run_events
from generator.options import DEFAULT_START, OptionsError, parse_start

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings

log = logging.getLogger("tallylake.generator")

Run = Callable[[threading.Event], RunReport]


def run_generators(
    settings: Settings,
    subjects: Sequence[str],
    *,
    rows: int | None,
    files: int | None,
    every: float | None,
    fault_rate: float | None,
    seed: int | None,
    out: Path | None,
    manifest: Path | None,
    start: str | None,
    duplicate_rate: float | None,
    late_rate: float | None,
    gzip: bool,
    customers: int,
    products: int,
    orders: int,
) -> None:
    """Generate the subjects, all at once, until their files are written or a stop is asked for."""
    wanted = _known(subjects)
    defaults = settings.generator
    landing, seconds = out or settings.lake.landing, defaults.every.total_seconds() if every is None else every
    manifests = {name: _manifest(landing, manifest, name, is_only=len(wanted) == 1) for name in wanted}
    shared: dict[str, Any] = {
        "out": landing,
        "files": files,
        "every_seconds": seconds,
        "seed": defaults.seed if seed is None else seed,
        "fault_rate": defaults.fault_rate if fault_rate is None else fault_rate,
        "duplicate_rate": duplicate_rate,
        "late_rate": late_rate,
        "start": DEFAULT_START if start is None else parse_start(start, now=datetime.now(UTC)),
        "gzip": gzip,
    }
    begins_now, sizes = start == "now", {"customers": customers, "products": products, "orders": orders}
    runs = [
        *_events(manifests, shared, rows or defaults.rows, begins_now=begins_now),
        *_shop(manifests, shared, sizes, begins_now=begins_now),
    ]
    for name, path in manifests.items():
        log.info("generating %s into %s; the manifest is %s", name, landing / name, path)
    for report in _at_once(runs):
        _sum_up(report)


def _known(subjects: Sequence[str]) -> tuple[str, ...]:
    wanted, known = tuple(dict.fromkeys(subjects)), (*KNOWN_SUBJECTS, *SHOP_SUBJECTS)
    if unknown := [name for name in wanted if name not in known]:
        raise OptionsError(f"subject must be one of {', '.join(known)}, not {', '.join(unknown)}")
    return wanted


def _events(manifests: Mapping[str, Path], shared: dict[str, Any], rows: int, *, begins_now: bool) -> list[Run]:
    """The run of the events, if they are wanted."""
    if KNOWN_SUBJECTS[0] not in manifests:
        return []
    seconds = shared["every_seconds"]
    options = EventOptions(
        manifest=manifests[KNOWN_SUBJECTS[0]],
        rows_per_file=rows,
        events_per_second=rows / seconds if begins_now and seconds else 2.0,
        **shared,
    )
    return [lambda stop: run_events(options, _say, stop)]


def _shop(
    manifests: Mapping[str, Path], shared: dict[str, Any], sizes: dict[str, Any], *, begins_now: bool
) -> list[Run]:
    """The run of the shop, if any of its subjects is wanted."""
    named = tuple(name for name in SHOP_SUBJECTS if name in manifests)
    if not named:
        return []
    options = ShopOptions(
        subjects=named,
        manifests=tuple(manifests[name] for name in named),
        # From now on there is no past to make days of: a day lasts as long as there is between two files.
        day_seconds=max(shared["every_seconds"], 1.0) if begins_now else DAY_SECONDS,
        **sizes,
        **shared,
    )
    return [lambda stop: run_shop(options, _say, stop)]


def _manifest(landing: Path, given: Path | None, subject: str, *, is_only: bool) -> Path:
    if given is not None and is_only and not given.is_dir():
        return given
    return (given or landing.parent / "manifests") / f"{subject}.jsonl"


def _at_once(runs: Sequence[Run]) -> list[RunReport]:
    """Run them side by side; a signal, or one that fails, stops them all."""
    with stop_event() as stop, ThreadPoolExecutor(len(runs)) as threads:

        def guarded(one: Run) -> RunReport:
            try:
                return one(stop)
            except BaseException:
                stop.set()
                raise

        return [each.result() for each in [threads.submit(guarded, one) for one in runs]]


def _sum_up(report: RunReport) -> None:
    log.info(
        "%s: %s rows in %s files, %.1f MB, in %.1f s (%s rows/s)",
        "stopped" if report.stopped else "done",
        f"{report.rows:,}",
        f"{report.files:,}",
        report.bytes / 1e6,
        report.seconds,
        f"{report.rows / max(report.seconds, 1e-9):,.0f}",
    )


def _say(file: FileReport) -> None:
    planted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(file.outcomes.items()) if count)
    log.info("[File] %s: %d rows (%s)", file.source, file.rows, planted or "none")
