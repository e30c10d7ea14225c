"""One subject's audit, with what a generator's manifest says of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spark_jobs.batch.audit.against_manifest import against_manifest
from spark_jobs.batch.audit.against_truth import against_truth, truth_of
from spark_jobs.batch.audit.run import Audit, audit

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake


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
