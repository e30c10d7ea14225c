"""``tally as-of``: a key and a moment as they are typed, and what the row was then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.point_in_time.key_states import Answer, require_changes, state_at
from spark_jobs.batch.point_in_time.parsing import parse_key, parse_moment

if TYPE_CHECKING:
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def run_as_of(lake: Lake, subject: Subject, key: str, moment: str) -> Answer:
    """What the row with that key was at that moment. UsageError where either cannot be read, or the subject holds events."""
    require_changes(subject)
    lake.require_exists()
    return state_at(lake, subject, parse_key(key, subject.latest), parse_moment(moment))
