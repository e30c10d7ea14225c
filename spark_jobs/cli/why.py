"""``tally why``: where a row came from and what became of it."""

from __future__ import annotations

from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, exit_if, lake_of, load_subjects
from spark_jobs.render.terminal import complain, show_json
from spark_jobs.render.why import show_row_trace


def why(
    key: Annotated[
        str,
        typer.Argument(
            help="A key such as an event_id (several parts joined by |), a change id, a row id, or file:row."
        ),
    ],
    json: Json = False,
) -> None:
    """Show where a row came from and what became of it: file, row, version, reasons, batch."""
    from spark_jobs.batch.why.trace import trace_rows

    settings = load_settings()
    lake = lake_of(settings)
    traces = [trace for subject in load_subjects(settings, None) for trace in trace_rows(lake, subject, key)]
    if json:
        show_json([trace.to_json() for trace in traces])
    for trace in [] if json else traces:
        show_row_trace(trace)
    if not traces:
        complain(f"no row of this lake has the key, row id or place '{key}'; a place reads subject/file.csv:17")
    exit_if(not traces)
