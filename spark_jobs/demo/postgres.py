"""The demo's Postgres: everything published, one query, and the API and the dashboard over it."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from config.postgres import connect, stop_embedded
from config.postgres_login import display_name
from spark_jobs.publish.publisher import Publisher
from spark_jobs.render.progress import show_spinner
from spark_jobs.render.publish import count_published
from spark_jobs.render.terminal import say, show_table

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake

FUNNEL = """
SELECT category, views, add_to_carts, purchases, revenue, conversion_rate
FROM v_category_performance ORDER BY revenue DESC, category LIMIT 5
"""


def own_postgres(settings: Settings, out: Path) -> Settings:
    """Return the settings with an embedded Postgres under ``out``, whatever server they name."""
    database = replace(settings.database, root=out / "postgres", url=None, reader_url=None, host=None, name="tallylake")
    return replace(settings, database=database)


def stop_postgres(settings: Settings) -> None:
    """Stop what an earlier demo may have left running, so that its folder can be removed."""
    stop_embedded(settings.database)


def show_postgres(settings: Settings, registry: Registry, lake: Lake) -> None:
    """Publish everything, and show what one view of Postgres says."""
    publisher = Publisher(settings, registry, lake, threading.Event())
    with show_spinner("publishing to Postgres"):
        publisher.catch_up()
    say(
        ("Published", "bold"),
        f" {publisher.rows:,} rows of {count_published(publisher)} tables to the {display_name(settings.database)}: "
        "exactly what the lake has, in transactions that carry its versions.",
        soft_wrap=False,
    )
    say()
    with (
        closing(connect(settings.database, "reader", application="tally demo")) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(FUNNEL)
        columns = [column.name for column in cursor.description or ()]
        show_table("v_category_performance", columns, cursor.fetchall())


def serve_demo(settings: Settings) -> None:
    """Serve the dashboard until Ctrl-C where someone is there to look at it; elsewhere the demo has shown the command."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    from serving.errors import ServeError
    from serving.serve import serve

    def announce(address: str) -> None:
        say()
        say((f"It is open at {address}", "bold"), " until Ctrl-C.")

    try:
        serve(settings, announce=announce)
    except ServeError:  # its port is taken: any other will do for a demo
        serve(settings, port=0, announce=announce)
