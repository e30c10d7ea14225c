"""``tally rebuild``: a subject's tables again from Bronze."""

from __future__ import annotations

from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, exit_if, lake_of, load_registry
from spark_jobs.render.progress import show_progress
from spark_jobs.render.rebuild import show_rebuild
from spark_jobs.render.terminal import show_json


def rebuild(
    subject: Annotated[str, typer.Argument(help="A subject's name.")],
    verify: Annotated[bool, typer.Option("--verify", help="Compare only; exit 1 if the content differs.")] = False,
    json: Json = False,
) -> None:
    """Build a subject's tables again from Bronze, compare them with the live ones, and swap them in; the old ones are kept."""
    from spark_jobs.batch.rebuild.run import Rebuild
    from spark_jobs.session import spark_session
    from spark_jobs.storage.add_actions import count_rows

    settings = load_settings()
    lake, registry = lake_of(settings), load_registry(settings)
    bronze = lake.bronze(registry.subject(subject))
    lake.require_exists()
    with show_progress("starting Spark", total=max(1, count_rows(bronze)), quiet=json) as progress:
        spark = spark_session(settings)
        progress.describe("judging Bronze again, then comparing")
        job = Rebuild(spark, settings, registry, subject, lambda books: progress.advance(books.rows_read))
        result = job.run(verify=verify)
    show_json(result.to_json()) if json else show_rebuild(result, lake)
    exit_if(verify and not result.equal)
