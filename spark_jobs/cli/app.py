"""The command line: ``tally``, also ``python -m spark_jobs``. Exit codes: 0 done, 1 the data says no, 2 wrong usage or settings.

Each command is a file of this package. It imports what is slow (Spark, Arrow, contracts) when it runs: ``--help`` needs none of it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import SetupError
from config.escaping import escape_controls
from config.settings import load as load_settings
from spark_jobs.cli.as_of import as_of
from spark_jobs.cli.audit import audit
from spark_jobs.cli.demo import demo
from spark_jobs.cli.generate import generate
from spark_jobs.cli.gold import gold_app
from spark_jobs.cli.publish import publish
from spark_jobs.cli.rebuild import rebuild
from spark_jobs.cli.registry import registry_app
from spark_jobs.cli.report import report
from spark_jobs.cli.scenarios import scenarios
from spark_jobs.cli.serve import serve
from spark_jobs.cli.settings import settings
from spark_jobs.cli.status import status
from spark_jobs.cli.stream import stream
from spark_jobs.cli.why import why
from spark_jobs.errors import NotStoppedError, TallyError
from spark_jobs.logs import escape_unconfigured_logs
from spark_jobs.render.terminal import complain, show_traceback

if TYPE_CHECKING:
    from collections.abc import Sequence

#: In the order in which ``--help`` lists them.
COMMANDS = (
    *(generate, serve, demo, scenarios, stream, publish),
    *(status, audit, why, as_of, rebuild, report, settings),
)

app = typer.Typer(
    help="Tallylake: a streaming lakehouse in which every row is accounted for.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(registry_app, name="registry")
app.add_typer(gold_app, name="gold")
for command in COMMANDS:
    app.command()(command)

_state = {"debug": False}


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show stack traces of errors.")] = False) -> None:
    _state["debug"] = debug


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every expected error becomes one sentence and its exit code."""
    escape_unconfigured_logs()
    try:
        code = app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
        sys.exit(code or 0)
    except SystemExit:
        raise
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except typer.TyperException as error:
        _show_usage_error(error)
        sys.exit(getattr(error, "exit_code", 2))
    except TallyError as error:
        _show_error(error)
        if isinstance(error, NotStoppedError):
            logging.shutdown()
            os._exit(error.exit_code)
        sys.exit(error.exit_code)
    except BaseException as error:
        explained = _explain(error)
        if explained is None:
            raise
        _show_error(explained)
        sys.exit(explained.exit_code)
    finally:
        sys.excepthook = show_traceback  # typer has set its own, which shows what the error says as it is


def _explain(error: BaseException) -> TallyError | None:
    """Return an unexpected error as one of the machine or of a damaged file of the lake; None if it is neither."""
    from spark_jobs.storage.delta_log import tables_under
    from spark_jobs.storage.failures import explain, is_failure

    if not is_failure(error):
        return None
    try:
        root = load_settings().lake.root.resolve()
    except SetupError:
        return explain(error, ())
    return explain(error, tables_under(root))


def _show_usage_error(error: typer.TyperException) -> None:
    """Print what Typer refuses, in Typer's own form where it has one."""
    shown = getattr(error, "show", None)
    if shown is not None:
        error.message = escape_controls(error.message)
        shown()
    else:
        complain(f"error: {error}", style="red")


def _show_error(error: TallyError) -> None:
    """Print an error as one sentence, or raise it for its stack trace with --debug."""
    if _state["debug"]:
        raise error
    logging.getLogger("tallylake").debug("stopped", exc_info=error)
    lines = str(error).split("\n") if error.has_lines else [str(error)]
    for number, line in enumerate(lines):
        complain(f"  {line}" if number else f"error: {line}", style="red")
    if threading.current_thread() is threading.main_thread():
        sys.stderr.flush()
