"""``tally status``: the lake and its publishing at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.batch.status import status
from spark_jobs.cli.common import chosen_subjects, lake_of
from spark_jobs.publish.state import PublishingState, read_state
from spark_jobs.render.status import show_publishing, show_statuses
from spark_jobs.render.terminal import show_json

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
        show_json([{**one.to_json(), "publishing": part} for one, part in zip(found, told, strict=True)])
    else:
        show_statuses(found)
        show_publishing(publishing)
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
