"""``tally rebuild``: Spark, the rebuild of one subject with its progress, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from schema_registry.registry import load as load_registry
from spark_jobs.batch.rebuild.run import Rebuild, RebuildResult
from spark_jobs.render.terminal import console
from spark_jobs.session import spark_session
from spark_jobs.storage.add_actions import count_rows

if TYPE_CHECKING:
    from config.settings import Settings
    from spark_jobs.lake import Lake

#: A value is shown up to this many characters.
WIDEST = 60


def run_rebuild(settings: Settings, lake: Lake, name: str, *, verify: bool, quiet: bool) -> RebuildResult:
    """Rebuild a subject of the registry; progress is shown on a terminal unless ``quiet``."""
    registry = load_registry(settings.lake.contracts)
    subject = registry.subject(name)
    lake.require_exists()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        step = progress.add_task("starting Spark", total=max(1, count_rows(lake.bronze(subject))))
        spark = spark_session(settings)
        progress.update(step, description="judging Bronze again, then comparing")
        rebuild = Rebuild(spark, settings, registry, name, lambda books: progress.advance(step, books.rows_read))
        return rebuild.run(verify=verify)
