"""``tally report``: a published date as a page to read and forward, or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, lake_of, parse_date
from spark_jobs.errors import UsageError
from spark_jobs.render.terminal import show_json


def report(
    date: Annotated[str, typer.Option(help="The date to report on, YYYY-MM-DD.")],
    out: Annotated[Path | None, typer.Option(help="File to write the page to. [default: report-DATE.html]")] = None,
    json: Json = False,
) -> None:
    """Show a published date on one page: sales, trend, refunds, products, prices, quality, gates; exit 1 if none is published."""
    from spark_jobs.batch.report.build import build_report
    from spark_jobs.batch.report.file import write_report
    from spark_jobs.render.report import show_report

    lake = lake_of(load_settings())
    if json and out is not None:
        raise UsageError("--json prints the figures and writes no page: leave out --out or --json")
    lake.require_exists()
    day = parse_date(date, "--date")
    if json:
        show_json(build_report(lake, day).to_json())
    else:
        show_report(write_report(lake, day, out))
