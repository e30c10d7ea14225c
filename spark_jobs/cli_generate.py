"""``tally generate``: options and settings to a generator run, a log line a file."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from generator.emit import FileReport, run
from generator.options import DEFAULT_START, GeneratorOptions, parse_start

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings

log = logging.getLogger("tallylake.generator")


def run_generator(
    settings: Settings,
    subject: str,
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
) -> None:
    """Generate one subject until its files are written or a stop is asked for."""
    defaults = settings.generator
    landing = out or settings.lake.landing
    per_file = rows or defaults.rows
    seconds = defaults.every.total_seconds() if every is None else every
    begins_now = start == "now"
    options = GeneratorOptions(
        out=landing,
        manifest=manifest or landing.parent / "manifests" / f"{subject}.jsonl",
        rows_per_file=per_file,
        files=files,
        every_seconds=seconds,
        seed=defaults.seed if seed is None else seed,
        fault_rate=defaults.fault_rate if fault_rate is None else fault_rate,
        duplicate_rate=duplicate_rate,
        late_rate=late_rate,
        start=DEFAULT_START if start is None else parse_start(start, now=datetime.now(UTC)),
        subject=subject,
        gzip=gzip,
        events_per_second=per_file / seconds if begins_now and seconds else 2.0,
    )
    log.info("generating %s into %s; the manifest is %s", subject, landing / subject, options.manifest)
    report = run(options, on_file=_say)
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
