"""Show what was published, for ``tally publish --once``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.render.terminal import say
from spark_jobs.render.values import quantity

if TYPE_CHECKING:
    from spark_jobs.publish.publisher import Publisher


def show_published(publisher: Publisher) -> None:
    """Show how many tables Postgres has, and how many rows were written."""
    tables = quantity(count_published(publisher), "table is", "tables are")
    say(f"{tables} published; {quantity(publisher.rows, 'row was', 'rows were')} written")


def count_published(publisher: Publisher) -> int:
    """Return how many tables Postgres shows in some version."""
    return sum(table.shown is not None for table in publisher.tables)
