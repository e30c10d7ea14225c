"""``tally as-of``: a key and a moment as they are typed, and what the row was then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.point_in_time.one_key import Answer, require_changes, state_at
from spark_jobs.batch.point_in_time.typed_key import parsed_key, parsed_moment
from spark_jobs.errors import UsageError

if TYPE_CHECKING:
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def run_as_of(lake: Lake, subject: Subject, key: str, moment: str) -> Answer:
    """What the row with that key was at that moment. UsageError where either cannot be read, or the subject holds events."""
    require_changes(subject)
    if not lake.root.exists():
        raise UsageError(f"there is no lake at {lake.root}: run tally stream, or set LAKE_ROOT")
    return state_at(lake, subject, parsed_key(key, subject.latest), parsed_moment(moment))
