"""Bulk load of a shop's orders with their items and payments: files to merged tables, three feeds at once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from generator.changes.run import write_shop
from spark_jobs.batch.audit.against_manifest import compare_with_manifest
from spark_jobs.batch.audit.against_truth import compare_with_truth

if TYPE_CHECKING:
    from benchmarks.stage import Stage

SUBJECTS = ("orders", "order_items", "payments")
DAYS = 30


def measure(stage: Stage, orders: int) -> dict[str, Any]:
    """Seconds for all changes of that many orders; rows that differ from the manifests and keys from the truth (must be 0)."""
    folder = stage.out / f"shop_{orders}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        write_shop(folder, SUBJECTS, files=DAYS, orders=orders)
        (folder / "done").touch()
    seconds, rows, lake = 0.0, 0, None
    for _ in range(2):  # the first one warms up
        lake, settings = stage.lake("bulk")
        seconds, _, books = stage.drain(settings, folder / "landing", *SUBJECTS)
        rows = sum(line.rows_read for line in books)
    assert lake is not None
    wrong = 0
    for name in SUBJECTS:
        subject, manifest = stage.registry.subject(name), folder / "manifests" / f"{name}.jsonl"
        wrong += compare_with_manifest(stage.spark, lake, subject, manifest)[0]["wrong"]
        wrong += compare_with_truth(lake, subject, manifest.with_name(f"{name}.truth.jsonl")).count
    return {
        "orders": orders,
        "changes": rows,
        "seconds": round(seconds, 2),
        "changes_per_second": round(rows / seconds),
        "orders_per_second": round(orders / seconds),
        "wrong_rows_or_keys": wrong,
    }
