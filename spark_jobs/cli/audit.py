"""``tally audit``: Spark, the audit of each subject, and a manifest where one is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spark_jobs.batch.audit.against_manifest import against_manifest
from spark_jobs.batch.audit.against_truth import against_truth, truth_of
from spark_jobs.batch.audit.run import Audit, audit
from spark_jobs.errors import UsageError
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


def run_audit(settings: Settings, lake: Lake, subjects: Sequence[Subject], manifest: Path | None) -> list[Audit]:
    """Audit each subject; with a manifest also every row that it names."""
    if not lake.root.exists():
        raise UsageError(f"there is no lake at {lake.root}: run tally stream, or set LAKE_ROOT")
    if manifest is not None and not manifest.exists():
        raise UsageError(f"there is no manifest at {manifest}: name the one that tally generate wrote")
    spark = spark_session(settings)
    return [audited(spark, settings, lake, subject, manifest) for subject in subjects]


def audited(spark: SparkSession, settings: Settings, lake: Lake, subject: Subject, manifest: Path | None) -> Audit:
    """One subject's audit, the manifest's findings added. Of a folder of manifests, the one with the subject's name."""
    found = audit(spark, lake, settings.lake.landing, subject)
    if manifest is not None and manifest.is_dir():
        manifest = manifest / f"{subject.name}.jsonl"
    if manifest is None or not manifest.exists() or not found.batches:
        return found
    sums, differing = against_manifest(spark, lake, subject, manifest)
    if subject.kind == "changes" and truth_of(manifest).exists() and not found.waiting and not found.files_waiting:
        differing.append(against_truth(lake, subject, truth_of(manifest)))
    return replace(found, manifest=sums, findings=(*found.findings, *(f for f in differing if f.count)))
