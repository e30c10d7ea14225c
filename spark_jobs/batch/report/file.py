"""Writes a report's page as a file that is there whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.batch.report.build import build_report
from spark_jobs.batch.report.page import page
from spark_jobs.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from spark_jobs.batch.report.figures import Report
    from spark_jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report, and where its page is; None where no page was asked for."""

    report: Report
    page: Path | None


def write_report(lake: Lake, day: date, out: Path | None) -> ReportResult:
    """Write the report of a date to ``out``, report-DATE.html in the current folder where none is given; return both.

    The page is made to be opened and sent on, and is no part of the lake. It replaces an earlier one whole, so nobody opens half a
    page. UsageError where it cannot be written; NotPublishedError where the date has no published facts.
    """
    report = build_report(lake, day)
    path = out or Path(f"report-{report.date}.html")
    _write(path, page(report))
    return ReportResult(report, path)


def _write(path: Path, text: str) -> None:
    """Write to a file beside the path first, then rename it."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(
            f"the page cannot be written to {path}: {error.strerror}; name another file with --out"
        ) from None
