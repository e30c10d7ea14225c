"""``tally report``: a published date as a page to read and forward, or as JSON."""

from __future__ import annotations

from pathlib import Path

from spark_jobs.batch.report.build import report
from spark_jobs.batch.report.file import Reported, write_report
from spark_jobs.cli.common import as_date
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake


def run_report(lake: Lake, day: str, out: Path | None, *, json: bool = False) -> Reported:
    """Return the report of a date, written as a page (see ``write_report``) unless JSON is asked for instead.

    UsageError where the date cannot be read, there is no lake or the page cannot be written; NotPublishedError where the date
    has no published facts.
    """
    if json and out is not None:
        raise UsageError("--json prints the figures and writes no page: leave out --out or --json")
    if not lake.root.exists():
        raise UsageError(f"there is no lake at {lake.root}: run tally stream, or set LAKE_ROOT")
    date = as_date(day, "--date")
    return Reported(report(lake, date), None) if json else write_report(lake, date, out)
