"""One subject's audit: its books, and what a generator's manifest says of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spark_jobs.batch.audit.against_manifest import compare_with_manifest
from spark_jobs.batch.audit.against_truth import compare_with_truth, truth_path
from spark_jobs.batch.audit.books import audit_books
from spark_jobs.errors import UsageError
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Subject
    from spark_jobs.batch.audit.result import Audit
    from spark_jobs.lake import Lake


def audit_subjects(settings: Settings, lake: Lake, subjects: Sequence[Subject], manifest: Path | None) -> list[Audit]:
    """Start Spark and audit each subject; UsageError, before that, where there is no lake or no such manifest."""
    lake.require_exists()
    if manifest is not None and not manifest.exists():
        raise UsageError(f"there is no manifest at {manifest}: name the one that tally generate wrote")
    spark = spark_session(settings)
    return [audit_subject(spark, settings, lake, subject, manifest) for subject in subjects]


def audit_subject(
    spark: SparkSession, settings: Settings, lake: Lake, subject: Subject, manifest: Path | None
) -> Audit:
    """Audit one subject, the manifest's findings added; of a folder of manifests, the one with the subject's name is taken.

    The generator's truth is of all its files, so keys are compared with it only once nothing waits.
    """
    audit = audit_books(spark, lake, settings.lake.landing, subject)
    if manifest is not None and manifest.is_dir():
        manifest = manifest / f"{subject.name}.jsonl"
    if manifest is None or not manifest.exists() or not audit.batches:
        return audit
    sums, findings = compare_with_manifest(spark, lake, subject, manifest)
    truth = truth_path(manifest)
    if subject.kind == "changes" and truth.exists() and not audit.waiting and not audit.files_waiting:
        findings.append(compare_with_truth(lake, subject, truth))
    return replace(audit, manifest=sums, findings=(*audit.findings, *(one for one in findings if one.count)))
