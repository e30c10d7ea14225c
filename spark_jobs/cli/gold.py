"""``tally gold``: the star and the marts brought up to date, with progress, and what each gate said."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config.settings import load as load_settings
from schema_registry.registry import load as load_registry
from spark_jobs.cli.common import as_date
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake
from spark_jobs.render.gold import show_gold_run
from spark_jobs.render.terminal import console, say, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from config.settings import Settings
    from spark_jobs.batch.gold.record import RunRecord
    from spark_jobs.batch.gold.run import GoldRun


gold_app = typer.Typer(
    help="Build the star and the marts from Silver and history, date by date; publish what passes the quality gates.",
    no_args_is_help=True,
)

Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", help="Publish in spite of this gate, once; may be given again for another. The record says so."
    ),
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

    Exit 1 where a gate holds a date back. What the date held before stays published; the date is built again when something of it
    changes, when it is asked for itself, or with --accept.
    """
    upto = as_date(day, "--date")
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
    """Bring the dates from one to another up to date, those that are held back included. Exit 1 where a gate holds one back."""
    first, last = as_date(start, "--start"), as_date(end, "--end")
    if last < first:
        raise UsageError(f"--end {last} lies before --start {first}: name the earlier date first")
    accepted = accept or ()
    _report(json, accepted, lambda gold: gold.backfill(first, last, accepted=accepted, everything=everything))


def _report(json: bool, accepted: Collection[str], work: Callable[[GoldRun], RunRecord]) -> None:
    from spark_jobs.batch.gold.run import records_folder

    settings = load_settings()
    with _progress(quiet=json) as step:
        record = work(_gold(settings, accepted, step))
    if json:
        show_json(record.to_json())
    else:
        show_gold_run(record)
        say(f"the record: {records_folder(settings) / record.run_id}.json and ops/runs")
    if record.failed:
        raise typer.Exit(1)


def _gold(settings: Settings, accepted: Collection[str], step: Callable[[str], None]) -> GoldRun:
    """The run, with Spark started; what it would be refused for anyway is told before."""
    from spark_jobs.batch.gold.run import GoldRun, check_request
    from spark_jobs.session import spark_session

    registry = load_registry(settings.lake.contracts)
    check_request(Lake(settings.lake.root.resolve()), registry, accepted)
    step("starting Spark")
    return GoldRun(spark_session(settings), settings, registry, step)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=text)
