"""The demo's third part: gold is built, the gates say which dates they hold back and why, a published date is shown on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.batch.report.file import write_report
from spark_jobs.render.gold import show_gold_run
from spark_jobs.render.report import show_report
from spark_jobs.render.terminal import console, say

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry


def show_gold(spark: SparkSession, settings: Settings, registry: Registry, last: date, out: Path) -> list[str]:
    """Publish every date up to the last one and write the report of the newest; the commands that go on from there."""
    gold = GoldRun(spark, settings, registry)
    with console.status("building gold: the star, the gates, the marts"):
        record = gold.run(last)
    show_gold_run(record)
    newest = record.dates_built[-1]
    done = write_report(gold.lake, newest, out / f"report-{newest}.html")
    show_report(done)
    say()
    held = [f"tally gold run --date {last} --accept order_totals"] if record.dates_held else []
    return [*held, f"tally report --date {newest} --json"]
