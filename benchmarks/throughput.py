"""Rows a second for many rows at once, as a ratio to bare Spark on the same files in the same run."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.audit.against_manifest import compare_with_manifest

if TYPE_CHECKING:
    from benchmarks.stage import Stage

WARM_ROWS = 100_000


def measure(stage: Stage, rows: int, rounds: int) -> dict[str, Any]:
    """Both jobs after a warm-up, in turns; medians, the ratio, where our time goes, and rows that are wrong (must be 0)."""
    landing = stage.files(f"events_{rows}", rows, 100, fault_rate=0.02, duplicate_rate=0.05, late_rate=0.01)
    warm = stage.files("warm", WARM_ROWS, 10, fault_rate=0.02, duplicate_rate=0.05, late_rate=0.01)
    for _ in range(2):
        stage.bare(warm, "bare")
        stage.drain(stage.lake("warm")[1], warm)
    bare, ours, steps = [], [], {}
    for _ in range(rounds):
        bare.append(stage.bare(landing, "bare"))
        lake, settings = stage.lake("throughput")
        seconds, landed, books = stage.drain(settings, landing)
        ours.append(seconds)
        steps = {"ingest": sum(report.seconds for report in landed)}
        for line in books:
            for step, took in line.steps.items():
                steps[step] = steps.get(step, 0.0) + took
    sums, _ = compare_with_manifest(stage.spark, lake, stage.subject, landing / "manifest.jsonl")
    bare_seconds, our_seconds = statistics.median(bare), statistics.median(ours)
    return {
        "rows": sums["rows"],
        "bare_seconds": [round(value, 2) for value in bare],
        "our_seconds": [round(value, 2) for value in ours],
        "rows_per_second": round(sums["rows"] / our_seconds),
        "ratio_to_bare": round(bare_seconds / our_seconds, 2),
        "steps_of_the_last_round": {step: round(took, 2) for step, took in steps.items()},
        "batches": len(books),
        "wrong_rows": sums["wrong"],
    }
