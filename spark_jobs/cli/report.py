"""``tally report``: a published date as a page to read and forward, or as JSON."""

from __future__ import annotations

from pathlib import Path

from spark_jobs.batch.report.build import build_report
from spark_jobs.batch.report.file import ReportResult, write_report
from spark_jobs.cli.common import as_date
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake


def run_report(lake: Lake, day: str, out: Path | None, *, json: bool = False) -> ReportResult:
    """Return the report of a date, written as a page (see ``write_report``) unless JSON is asked for instead.

    UsageError where the date cannot be read, there is no lake or the page cannot be written; NotPublishedError where the date
    has no published facts.
    """
    if json and out is not None:
        raise UsageError("--json prints the figures and writes no page: leave out --out or --json")
    lake.require_exists()
    date = as_date(day, "--date")
    return ReportResult(build_report(lake, date), None) if json else write_report(lake, date, out)
