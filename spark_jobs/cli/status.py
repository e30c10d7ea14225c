"""``tally status``: the lake and its publishing at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.escaping import shorten
from spark_jobs.batch.status import status
from spark_jobs.cli.common import chosen_subjects, lake_of
from spark_jobs.publish.state import PublishingState, read_state
from spark_jobs.render import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def run_status(settings: Settings, names: Sequence[str] | None, *, json: bool) -> bool:
    """Show it; whether anything is wrong with a subject. Postgres away is said, and is nothing wrong with the lake."""
    lake, subjects = lake_of(settings), chosen_subjects(settings, names)
    found, publishing = status(lake, settings.lake.landing, subjects), read_state(lake)
    if json:
        told = [_of_subject(lake, subject, publishing) for subject in subjects]
        show.as_json([{**one.to_json(), "publishing": part} for one, part in zip(found, told, strict=True)])
    else:
        show.statuses(found)
        _show(publishing)
    return any(one.problems for one in found)


def _of_subject(lake: Lake, subject: Subject, publishing: PublishingState | None) -> dict[str, Any] | None:
    """How publishing stands, with the tables that hold a subject's rows."""
    if publishing is None:
        return None
    history = lake.history(subject)
    own = {lake.bronze(subject).name, lake.silver(subject).name, lake.dead_letters.name, lake.batch_quality.name}
    own |= {history.name} if history is not None else set()
    plain = publishing.to_json()
    return {**plain, "tables": [table for table in plain["tables"] if table["lake_table"] in own]}


def _show(publishing: PublishingState | None) -> None:
    if publishing is None:
        show.say("Postgres: nothing was published from this lake yet")
        return
    waiting = [table for table in publishing.tables if table.behind or table.error]
    at = f"Postgres ({publishing.postgres})"
    doing = "publishing" if publishing.running else "no publisher runs"
    show.say(f"{at}: {doing}, {len(publishing.tables) - len(waiting)} tables up to date")
    if publishing.error:
        again = f"the circuit breaker is {publishing.circuit} after {publishing.failures} failures in a row"
        error = shorten(publishing.error, show.LONGEST)
        show.say(
            f"{at}: away: {error}; {again}" if publishing.failures else f"{at}: not published: {error}", style="red"
        )
    for worker in publishing.workers:
        told = f"the lane {worker.name} died and was started again, {worker.deaths:,} times, last at {worker.died_at}"
        show.say(f"{at}: {told}: {shorten(worker.error, show.LONGEST)}", style="red")
    noted = {table.lake_table for table in waiting}
    for name, reason in publishing.refused.items():
        if name not in noted:
            show.say(f"{at}: {name} cannot be made: {shorten(reason, show.LONGEST)}", style="red")
    if waiting:
        columns = ["lake", "Postgres", "version there", "version here", "behind", "what is wrong"]
        rows = [[one.lake_table, one.table, one.shown, one.version, one.behind, one.error] for one in waiting]
        show.table("Not published yet", columns, rows)
