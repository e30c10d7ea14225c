"""The demo's events: generated with faults, then a dead letter and a migrated row explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from generator.events.options import EventOptions
from generator.events.run import run_events
from spark_jobs.batch.why.trace import trace_rows
from spark_jobs.demo.commands import lake_command
from spark_jobs.render.terminal import say
from spark_jobs.render.why import show_row_trace
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

EVENTS = "ecommerce_events"
FILES = 20


def generate_events(folder: Path, rows: int, seed: int) -> None:
    """Write files of events into ``folder``/input, and their manifest into ``folder``/manifests."""
    run_events(
        EventOptions(
            out=folder / "input",
            manifest=folder / "manifests" / f"{EVENTS}.jsonl",
            rows_per_file=rows // FILES,
            files=FILES,
            every_seconds=0,
            seed=seed,
        )
    )


def explain_two_rows(lake: Lake, subject: Subject, folder: Path) -> None:
    """Show the dead letter with the most reasons, and an accepted row of version 1, which was migrated."""
    row_id, event_id = _worst_dead_letter(lake), _migrated_event(lake, subject)
    say("One dead letter, with all its reasons", style="bold")
    for trace in trace_rows(lake, subject, row_id):
        show_row_trace(trace)
    say(("One row explained:", "bold"), f" {lake_command(folder, f'why {event_id}')}")
    for trace in trace_rows(lake, subject, event_id):
        show_row_trace(trace)


def _worst_dead_letter(lake: Lake) -> str:
    table = open_table(lake.dead_letters.path)
    assert table is not None
    dead_letters = table.to_pyarrow_table(columns=["row_id", "reasons"]).to_pylist()
    worst = max(dead_letters, key=lambda row: (len(row["reasons"]), row["row_id"]))
    return str(worst["row_id"])


def _migrated_event(lake: Lake, subject: Subject) -> str:
    silver = open_table(lake.silver(subject).path)
    assert silver is not None
    rows = silver.to_pyarrow_table(columns=["event_id", "schema_version"])
    return str(min(rows.filter(pc.equal(rows["schema_version"], 1))["event_id"].to_pylist()))
