"""What ``tally generate`` logs: a line for each file, and one for the whole run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.delivery import FileReport, RunReport

log = logging.getLogger("tallylake.generator")


def log_file(file: FileReport) -> None:
    """Log what was planted in a file."""
    planted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(file.outcomes.items()) if count)
    log.info("[File] %s: %d rows (%s)", file.source, file.rows, planted or "none")


def log_run(report: RunReport) -> None:
    """Log how much was written, and how fast."""
    log.info(
        "%s: %s rows in %s files, %.1f MB, in %.1f s (%s rows/s)",
        "stopped" if report.stopped else "done",
        f"{report.rows:,}",
        f"{report.files:,}",
        report.bytes / 1e6,
        report.seconds,
        f"{report.rows / max(report.seconds, 1e-9):,.0f}",
    )
