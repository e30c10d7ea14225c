"""``tally gold``: the star and the marts brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import exit_if, lake_of, load_registry, parse_date
from spark_jobs.errors import UsageError
from spark_jobs.render.gold import show_gold_run
from spark_jobs.render.progress import show_progress
from spark_jobs.render.terminal import say, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from config.settings import Settings
    from spark_jobs.batch.gold.record import RunRecord
    from spark_jobs.batch.gold.run import GoldRun


gold_app = typer.Typer(
    help="Build the star and the marts from Silver and history, date by date; publish what passes the quality gates.",
    no_args_is_help=True,
)

Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="Publish in this run in spite of this gate, on record; may be given more than once."),
]
All = Annotated[bool, typer.Option("--all", help="Build every date again, whether anything changed or not.")]
Json = Annotated[bool, typer.Option("--json", help="Print the run's record as JSON.")]


@gold_app.command()
def run(
    day: Annotated[str, typer.Option("--date", help="The last date to bring up to date: YYYY-MM-DD.")],
    accept: Accept = None,
    everything: All = False,
    json: Json = False,
) -> None:
    """Bring every date up to this one up to date; only those whose orders, payments or dimensions changed are built again.

    Exit 1 if a gate holds a date back. What was published of that date before stays; it is built again once something of it
    changes, when it is the --date itself, or with --accept.
    """
    upto = parse_date(day, "--date")
    accepted = accept or ()
    _report(json, accepted, lambda gold: gold.run(upto, accepted=accepted, everything=everything))


@gold_app.command()
def backfill(
    start: Annotated[str, typer.Option("--start", help="The first date: YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--end", help="The last date: YYYY-MM-DD.")],
    accept: Accept = None,
    everything: All = False,
    json: Json = False,
) -> None:
    """Bring the dates from one to another up to date, those that are held back included; exit 1 if a gate holds one back."""
    first, last = parse_date(start, "--start"), parse_date(end, "--end")
    if last < first:
        raise UsageError(f"--end {last} lies before --start {first}: name the earlier date first")
    accepted = accept or ()
    _report(json, accepted, lambda gold: gold.backfill(first, last, accepted=accepted, everything=everything))


def _report(json: bool, accepted: Collection[str], work: Callable[[GoldRun], RunRecord]) -> None:
    """Do the work on a new run, show its record, and exit with 1 if a gate holds a date back."""
    from spark_jobs.batch.gold.run import records_folder

    settings = load_settings()
    with show_progress(quiet=json) as progress:
        record = work(_start(settings, accepted, progress.describe))
    if json:
        show_json(record.to_json())
    else:
        show_gold_run(record)
        say(f"the record: {records_folder(settings) / record.run_id}.json and ops/runs")
    exit_if(bool(record.failed))


def _start(settings: Settings, accepted: Collection[str], step: Callable[[str], None]) -> GoldRun:
    """Return the run, with Spark started; a request that would be refused anyway is refused before that."""
    from spark_jobs.batch.gold.run import GoldRun, check_request
    from spark_jobs.session import spark_session

    registry = load_registry(settings)
    check_request(lake_of(settings), registry, accepted)
    step("starting Spark")
    return GoldRun(spark_session(settings), settings, registry, step)
