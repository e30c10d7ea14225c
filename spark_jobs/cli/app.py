"""The command line: ``tally``, also ``python -m spark_jobs``. Exit codes: 0 done, 1 the data says no, 2 wrong usage or settings."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import SetupError
from config.escaping import escape_controls
from config.settings import exposed
from config.settings import load as load_settings
from schema_registry.registry import load as load_registry
from spark_jobs.cli.common import chosen_subjects, lake_of, logged_settings
from spark_jobs.cli.generate import generate
from spark_jobs.cli.gold import gold_app
from spark_jobs.cli.registry import registry_app
from spark_jobs.cli.serve import serve
from spark_jobs.errors import NotStoppedError, TallyError
from spark_jobs.logs import say_harmlessly
from spark_jobs.render.as_of import show_answer
from spark_jobs.render.audit import show_audits
from spark_jobs.render.terminal import complain, show_json, show_table, show_traceback
from spark_jobs.render.why import show_row_trace

if TYPE_CHECKING:
    from collections.abc import Sequence


app = typer.Typer(
    help="Tallylake: a streaming lakehouse in which every row is accounted for.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(registry_app, name="registry")
app.add_typer(gold_app, name="gold")
app.command()(generate)
app.command()(serve)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
Subjects = Annotated[list[str] | None, typer.Argument(help="Subjects by name; all of them where none is named.")]


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show stack traces of errors.")] = False) -> None:
    _state["debug"] = debug


_state = {"debug": False}


@app.command()
def demo(
    rows: Annotated[int, typer.Option(min=1000, help="How many events to generate.")] = 20_000,
    out: Annotated[Path, typer.Option(help="Where the demo's own lake lies; made anew each time.")] = Path("data/demo"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 42,
) -> None:
    """Generate events with faults, stream them to the end, and show that every row is accounted for."""
    from spark_jobs.demo.run import run_demo

    run_demo(load_settings(), rows, out, seed)


@app.command()
def scenarios(
    name: Annotated[
        str | None, typer.Argument(help="customer-moves, price-rises or order-placed; all where none is named.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where each story's own lake lies; made anew each time.")] = Path(
        "data/scenarios"
    ),
) -> None:
    """Tell three stories of a small shop: who lived where when they ordered, what a price was on average, what a day sold."""
    from spark_jobs.cli.scenarios import run_scenarios

    run_scenarios(load_settings(), name, out)


@app.command()
def stream(
    subjects: Subjects = None,
    once: Annotated[bool, typer.Option("--once", help="Drain what has landed, then stop.")] = False,
) -> None:
    """Run the streaming job until Ctrl-C or SIGTERM. The same as `spark-submit … spark_jobs/stream.py`."""
    from spark_jobs.cli.stream import run_stream

    run_stream(logged_settings("spark_streaming", console=True), subjects or [], once=once)


@app.command()
def publish(
    once: Annotated[bool, typer.Option("--once", help="Publish until nothing is behind, then stop.")] = False,
) -> None:
    """Publish the lake's tables to Postgres until Ctrl-C, without a stream; with PUBLISH=on `tally stream` does it itself."""
    from spark_jobs.cli.publish import run_publish

    settings = logged_settings("publish", console=True)
    run_publish(settings, load_registry(settings.lake.contracts), lake_of(settings), once=once)


@app.command()
def status(subjects: Subjects = None, json: Json = False) -> None:
    """Show tables, rows, the last batches and what is wrong, at a glance."""
    from spark_jobs.cli.status import run_status

    _exit(run_status(load_settings(), subjects, json=json))


@app.command()
def audit(
    subjects: Subjects = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Compare every row with a generator's manifest, or with those in a folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Recompute the books from the tables, row by row; exit 1 where anything does not balance."""
    from spark_jobs.cli.audit import run_audit

    settings = load_settings()
    found = run_audit(settings, lake_of(settings), chosen_subjects(settings, subjects), manifest)
    show_json([one.to_json() for one in found]) if json else show_audits(found)
    _exit(not all(one.balanced for one in found))


@app.command()
def why(
    key: Annotated[
        str,
        typer.Argument(
            help="A key such as an event_id (several parts joined by |), a change id, a row id, or file:row."
        ),
    ],
    json: Json = False,
) -> None:
    """Tell where a row came from and what became of it: file, row, version, reasons, batch."""
    from spark_jobs.batch.why.trace import trace_rows

    settings = load_settings()
    subjects = chosen_subjects(settings, None)
    told = [story for subject in subjects for story in trace_rows(lake_of(settings), subject, key)]
    if json:
        show_json([story.to_json() for story in told])
    for story in [] if json else told:
        show_row_trace(story)
    if not told:
        complain(f"no row of this lake has the key, row id or place '{key}'; a place reads subject/file.csv:17")
    _exit(not told)


@app.command("as-of")
def as_of(
    subject: Annotated[str, typer.Argument(help="A subject of changes, such as products.")],
    key: Annotated[str, typer.Argument(help="The row's key; several parts are joined by |.")],
    moment: Annotated[
        str, typer.Argument(help="YYYY-MM-DD HH:MM[:SS], in UTC where no zone is named, or a date alone.")
    ],
    json: Json = False,
) -> None:
    """Show a row as it was at a moment, since when and until when; exit 1 where there was none."""
    from spark_jobs.cli.as_of import run_as_of

    settings = load_settings()
    (chosen,) = chosen_subjects(settings, [subject])
    told = run_as_of(lake_of(settings), chosen, key, moment)
    if json:
        show_json(told.to_json())
    if not json or told.found is None:
        show_answer(told)
    _exit(told.found is None)


@app.command()
def rebuild(
    subject: Annotated[str, typer.Argument(help="A subject's name.")],
    verify: Annotated[bool, typer.Option("--verify", help="Compare only; exit 1 where the content differs.")] = False,
    json: Json = False,
) -> None:
    """Make a subject's tables again from Bronze beside the old ones, compare the content, and swap them in; the old one is kept."""
    from spark_jobs.cli.rebuild import run_rebuild
    from spark_jobs.render.rebuild import show_rebuild

    settings = load_settings()
    done = run_rebuild(settings, lake_of(settings), subject, verify=verify, quiet=json)
    show_json(done.to_json()) if json else show_rebuild(done, lake_of(settings))
    _exit(verify and not done.equal)


@app.command()
def report(
    date: Annotated[str, typer.Option(help="The date to report on, YYYY-MM-DD.")],
    out: Annotated[Path | None, typer.Option(help="Where the page goes. [default: report-DATE.html]")] = None,
    json: Json = False,
) -> None:
    """Show a published date on one page: sales, trend, refunds, products, prices, quality, gates; exit 1 where there is none."""
    from spark_jobs.cli.report import run_report
    from spark_jobs.render.report import show_report

    done = run_report(lake_of(load_settings()), date, out, json=json)
    show_json(done.report.to_json()) if json else show_report(done)


@app.command()
def settings(json: Json = False) -> None:
    """Show all settings, their values and where each came from; secrets are masked."""
    loaded = load_settings()
    rows = loaded.rows()
    if names := exposed(loaded):
        complain(f"others of this machine can read {', '.join(names)}: chmod 600 .env", style="yellow")
    if json:
        show_json([row._asdict() for row in rows])
    else:
        show_table("Settings", ["group", "variable", "value", "from"], rows, whole=True)


def _exit(says_no: bool) -> None:
    if says_no:
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every expected error becomes one sentence and its exit code."""
    say_harmlessly()
    try:
        code = app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
        sys.exit(code or 0)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except typer.TyperException as error:
        _usage(error)
        sys.exit(getattr(error, "exit_code", 2))
    except TallyError as error:
        _say(error)
        if isinstance(error, NotStoppedError):
            logging.shutdown()
            os._exit(error.exit_code)
        sys.exit(error.exit_code)
    except BaseException as error:
        told = _explained(error)
        if told is None:
            raise
        _say(told)
        sys.exit(told.exit_code)
    finally:
        sys.excepthook = show_traceback  # typer has set its own, which shows what the error says as it is


def _explained(error: BaseException) -> TallyError | None:
    """What the machine, or a damaged file of the lake, has to do with an error that no one expected."""
    from spark_jobs.storage.delta_log import tables_under
    from spark_jobs.storage.failures import explain, is_failure

    if not is_failure(error):
        return None
    try:
        root = load_settings().lake.root.resolve()
    except SetupError:
        return explain(error, ())
    return explain(error, tables_under(root))


def _usage(error: typer.TyperException) -> None:
    shown = getattr(error, "show", None)
    if shown is not None:
        error.message = escape_controls(error.message)
        shown()
    else:
        complain(f"error: {error}", style="red")


def _say(error: TallyError) -> None:
    if _state["debug"]:
        raise error
    logging.getLogger("tallylake").debug("stopped", exc_info=error)
    lines = str(error).split("\n") if error.has_lines else [str(error)]
    for number, line in enumerate(lines):
        complain(f"  {line}" if number else f"error: {line}", style="red")
    if threading.current_thread() is threading.main_thread():
        sys.stderr.flush()
