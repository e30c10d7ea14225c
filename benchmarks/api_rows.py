"""The rows that the API is measured over: a quarter of a busy shop, made by Postgres itself and always the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from schema_registry.registry import load as load_registry
from spark_jobs.lake import Lake
from spark_jobs.publish.schema import prepare_database

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

BEGIN, DAYS = date(2025, 10, 1), 90
PRODUCTS, VERSIONS, CUSTOMERS = 2_000, 10, 50_000
#: Events for each dead letter.
EVENTS_A_LETTER = 50

_ROWS = Path(__file__).with_name("api_rows.sql")


def fill(owner: Connection, lake: Path, rows: int) -> None:
    """Make the tables and put that many facts and events into them, with marts, books and dead letters to match."""
    prepare_database(owner, load_registry(Settings().lake.contracts), Lake(lake))
    sizes = {"rows": rows, "days": DAYS, "products": PRODUCTS, "versions": VERSIONS, "customers": CUSTOMERS}
    with owner, owner.cursor() as cursor:
        cursor.execute(_ROWS.read_text(encoding="utf-8"), {**sizes, "every": EVENTS_A_LETTER})
    owner.autocommit = True
    with owner.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    owner.autocommit = False
