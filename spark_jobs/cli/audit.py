"""``tally audit``: Spark, the audit of each subject, and a manifest where one is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.audit.result import Audit
from spark_jobs.batch.audit.run import audit_subject
from spark_jobs.errors import UsageError
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.settings import Settings
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def run_audit(settings: Settings, lake: Lake, subjects: Sequence[Subject], manifest: Path | None) -> list[Audit]:
    """Audit each subject; with a manifest also every row that it names."""
    lake.require_exists()
    if manifest is not None and not manifest.exists():
        raise UsageError(f"there is no manifest at {manifest}: name the one that tally generate wrote")
    spark = spark_session(settings)
    return [audit_subject(spark, settings, lake, subject, manifest) for subject in subjects]
