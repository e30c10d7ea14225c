"""Show the lake and its publishing, for ``tally status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.escaping import shorten
from spark_jobs.landing.spark_source import ENDINGS
from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import LONGEST, moment_text, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.batch.status import SubjectStatus
    from spark_jobs.publish.state import PublishingState

#: Files that are named of many.
FEW = 5


def show_statuses(found: Sequence[SubjectStatus]) -> None:
    """Show the lake at a glance: rows by table, the last batches, then a line for whatever waits or is wrong."""
    _show_rows(found)
    _show_batches(found)
    for one in found:
        _show_notes(one)


def _show_rows(found: Sequence[SubjectStatus]) -> None:
    layers = ("bronze", "accepted", "duplicates", "dead_letters")
    counted = ["Bronze", "accepted", "duplicates", "dead letters", "not refined", "Silver", "history"]
    rows = [
        [
            *(one.subject, f"v{one.version}", "running" if one.streaming else "–"),
            *(one.rows[name] for name in layers),
            *(one.not_refined, one.rows["silver"], one.rows.get("history")),
        ]
        for one in found
    ]
    show_table("The lake", ["subject", "", "stream", *counted], rows)


def _show_batches(found: Sequence[SubjectStatus]) -> None:
    shown = {
        "batch_id": "batch",
        "rows_read": "read",
        "accepted": "accepted",
        "duplicate": "duplicate",
        "dead_letter": "dead letter",
        "unaccounted": "unaccounted",
        "late": "late",
        "started_at": "started",
        "duration_seconds": "seconds",
    }
    batches = [[one.subject, *(batch[name] for name in shown)] for one in found for batch in one.last_batches]
    show_table("Last batches", ["subject", *shown.values()], batches)


def _show_notes(one: SubjectStatus) -> None:
    """Show a subject's watermark, files that wait or are not read, and problems, a line each."""
    if one.watermark is not None:
        say(f"{one.subject}: watermark {moment_text(one.watermark)}")
    if one.files.waiting:
        say(f"{one.subject}: {quantity(len(one.files.waiting), 'file waits', 'files wait')} to be landed")
    if one.files.foreign:
        say(shorten(f"{one.subject}: {unread_for_their_ending(one.files.foreign)}", LONGEST))
    for problem in one.problems:
        say(shorten(f"{one.subject}: {problem}", LONGEST), style="red")


def unread_for_their_ending(names: Sequence[str]) -> str:
    """Return one sentence about files that are left alone because of how their names end."""
    few = ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")
    files = quantity(len(names), "file is not read, as its name ends", "files are not read, as their names end")
    return f"{files} in none of {', '.join(ENDINGS)}: {few}"


def show_publishing(publishing: PublishingState | None) -> None:
    """Show how far the lake is published: a summary, what is wrong, and the tables that are behind. None: never published."""
    if publishing is None:
        say("Postgres: nothing was published from this lake yet")
        return
    waiting = [table for table in publishing.tables if table.behind or table.error]
    at = f"Postgres ({publishing.postgres})"
    doing = "publishing" if publishing.running else "no publisher runs"
    say(f"{at}: {doing}, {len(publishing.tables) - len(waiting)} tables up to date")
    if publishing.error:
        again = f"the circuit breaker is {publishing.circuit} after {quantity(publishing.failures, 'failure')} in a row"
        error = shorten(publishing.error, LONGEST)
        say(f"{at}: away: {error}; {again}" if publishing.failures else f"{at}: not published: {error}", style="red")
    for worker in publishing.workers:
        deaths = f"the lane {worker.name} died and was started again, {quantity(worker.deaths, 'time')}, last at {worker.died_at}"
        say(f"{at}: {deaths}: {shorten(worker.error, LONGEST)}", style="red")
    noted = {table.lake_table for table in waiting}
    for name, reason in publishing.refused.items():
        if name not in noted:
            say(f"{at}: {name} cannot be made: {shorten(reason, LONGEST)}", style="red")
    if waiting:
        columns = ["lake", "Postgres", "version there", "version here", "behind", "what is wrong"]
        rows = [[one.lake_table, one.table, one.shown, one.version, one.behind, one.error] for one in waiting]
        show_table("Not published yet", columns, rows)
