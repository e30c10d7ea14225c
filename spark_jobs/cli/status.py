"""``tally status``: the lake and its publishing at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from config.settings import Settings
from config.settings import load as load_settings
from spark_jobs.cli.options import Json, Subjects, exit_if, lake_of, load_subjects


def status(subjects: Subjects = None, json: Json = False) -> None:
    """Show tables, rows, the last batches and what is wrong, at a glance."""
    exit_if(run_status(load_settings(), subjects, json=json))


def run_status(settings: Settings, names: Sequence[str] | None, *, json: bool) -> bool:
    """Show the status; True if anything is wrong with a subject. That Postgres is away is shown, and is nothing wrong."""
    from spark_jobs.batch.status import read_status, with_publishing
    from spark_jobs.publish.state import read_state
    from spark_jobs.render.status import show_publishing, show_statuses
    from spark_jobs.render.terminal import show_json

    lake, subjects = lake_of(settings), load_subjects(settings, names)
    statuses, publishing = read_status(lake, settings.lake.landing, subjects), read_state(lake)
    if json:
        show_json(with_publishing(lake, subjects, statuses, publishing))
    else:
        show_statuses(statuses)
        show_publishing(publishing)
    return any(one.problems for one in statuses)
