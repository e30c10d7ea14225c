"""The demo's gold: built and judged by the gates, and a published date on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.batch.report.file import write_report
from spark_jobs.render.gold import show_gold_run
from spark_jobs.render.progress import show_spinner
from spark_jobs.render.report import show_report
from spark_jobs.render.terminal import say

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry


def show_gold(spark: SparkSession, settings: Settings, registry: Registry, last: date, out: Path) -> list[str]:
    """Publish every date up to ``last`` and write the newest one's report; return the arguments of tally commands to try next."""
    gold = GoldRun(spark, settings, registry)
    with show_spinner("building gold: the star, the gates, the marts"):
        record = gold.run(last)
    show_gold_run(record)
    newest = record.dates_built[-1]
    result = write_report(gold.lake, newest, out / f"report-{newest}.html")
    show_report(result)
    say()
    held = [f"gold run --date {last} --accept order_totals"] if record.dates_held else []
    return [*held, f"report --date {newest} --json"]
