"""Log lines of ``tally generate``: one for each file, and one for the whole run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spark_jobs.render.values import quantity

if TYPE_CHECKING:
    from generator.delivery import FileReport, RunReport

log = logging.getLogger("tallylake.generator")


def log_file(file: FileReport) -> None:
    """Log what was planted in a file."""
    planted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(file.outcomes.items()) if count)
    log.info("[File] %s: %s (%s)", file.source, quantity(file.rows, "row"), planted or "none")


def log_run(report: RunReport) -> None:
    """Log how much was written, and how fast."""
    log.info(
        "%s: %s in %s, %.1f MB, in %.1f s (%s rows/s)",
        "stopped" if report.stopped else "done",
        quantity(report.rows, "row"),
        quantity(report.files, "file"),
        report.bytes / 1e6,
        report.seconds,
        f"{report.rows / max(report.seconds, 1e-9):,.0f}",
    )
