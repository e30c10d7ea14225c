"""``tally gold``: the star and the marts brought up to date, with progress, and what each gate said."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config.harmless import shortened
from config.settings import load as load_settings
from schema_registry.registry import load as load_registry
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake
from spark_jobs.render import show

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from config.settings import Settings
    from spark_jobs.batch.gold.record import GateResult, RunRecord
    from spark_jobs.batch.gold.run import GoldRun

#: Verdicts that hold a date back are shown up to this many; all are in the record.
SHOWN = 12

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


def as_date(text: str, option: str) -> date:
    """A date as it is written; UsageError names the option and the form."""
    with suppress(ValueError):
        found = date.fromisoformat(text)
        if str(found) == text:  # Python takes weeks such as 2026-W13-2 too
            return found
    raise UsageError(f"{option} '{text}' is no date: write YYYY-MM-DD, such as 2026-03-31")


def _report(json: bool, accepted: Collection[str], work: Callable[[GoldRun], RunRecord]) -> None:
    from spark_jobs.batch.gold.run import records

    settings = load_settings()
    with _progress(quiet=json) as step:
        record = work(_gold(settings, accepted, step))
    if json:
        show.as_json(record.to_json())
    else:
        show_record(record)
        show.say(f"the record: {records(settings) / record.run_id}.json and ops/runs")
    if record.failed:
        raise typer.Exit(1)


def _gold(settings: Settings, accepted: Collection[str], step: Callable[[str], None]) -> GoldRun:
    """The run, with Spark started; what it would be refused for anyway is told before."""
    from spark_jobs.batch.gold.run import GoldRun, check
    from spark_jobs.session import spark_session

    registry = load_registry(settings.lake.contracts)
    check(Lake(settings.lake.root.resolve()), registry, accepted)
    step("starting Spark")
    return GoldRun(spark_session(settings), settings, registry, step)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    hidden = quiet or not show.console.is_terminal
    with Progress(*columns, console=show.console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=text)


def show_record(record: RunRecord) -> None:
    """What a run did, what each gate said, and what is left to do."""
    show.say((_sentence(record), "bold"), f" in {record.runtime_seconds:,.1f} s")
    show.say()
    if record.gates:
        show.table("Quality gates", ["gate", "dates", "passed", "failed", "accepted"], _by_gate(record.gates))
    written = record.rows_written
    rows = [[name, written.get(name, 0), count] for name, count in record.output_row_counts.items() if "gold/" in name]
    show.table("Tables", ["table", "rows written", "rows now"], rows)
    _show_failed(record.failed)
    _show_left(record)


def _sentence(record: RunRecord) -> str:
    judged = len({gate.date for gate in record.gates})
    if not judged:
        return f"Nothing that gold shows up to {record.end_date} has changed"
    failed = len({gate.date for gate in record.failed})
    held = f", {failed:,} held back" if failed else ""
    built = f"{_counted(judged, 'date')} from {record.processed_events_count:,} rows of Silver"
    return f"Built {built}: {len(record.dates_built):,} published{held}"


def _by_gate(gates: Sequence[GateResult]) -> list[list[object]]:
    rows: dict[str, list[int]] = {}
    for gate in gates:
        counts = rows.setdefault(gate.gate, [0, 0, 0, 0])
        counts[0] += 1
        counts[1 if gate.passed else 3 if gate.accepted else 2] += 1
    return [[name, *counts] for name, counts in rows.items()]


def _show_failed(failed: Sequence[GateResult]) -> None:
    for gate in failed[:SHOWN]:
        detail = shortened(gate.detail or "", show.LONGEST)
        show.say((f"{gate.date} is held back by {gate.gate}", "red"), f": {detail}")
        for row in gate.rows:
            show.say(f"  {shortened(row, show.LONGEST)}")
    if len(failed) > SHOWN:
        show.say(f"… and {len(failed) - SHOWN:,} more verdicts, all in the record")
    if failed:
        way = "Mend the source and run again, or publish in spite of a gate with --accept GATE."
        show.say(way, style="dim")
        show.say()


def _show_left(record: RunRecord) -> None:
    new = {gate.date for gate in record.failed}
    older = [day for day in record.dates_held if day not in new]
    if older:
        show.say(f"still held back since earlier runs: {_some(older)}")
    if record.dates_pending:
        way = "tally gold run with a later --date, or backfill"
        show.say(f"changed, but not asked for: {_some(record.dates_pending)} ({way})")
    if record.waiting_lines or record.waiting_payments:
        waiting = f"{_counted(record.waiting_lines, 'order line')} and {_counted(record.waiting_payments, 'payment')}"
        show.say(f"waiting for their order: {waiting} (gold/waiting_facts)")


def _some(days: Sequence[date]) -> str:
    shown = ", ".join(str(day) for day in days[:5])
    return shown if len(days) <= 5 else f"{shown} and {len(days) - 5:,} more"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
