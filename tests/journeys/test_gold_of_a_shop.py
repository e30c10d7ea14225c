"""A generated shop with chaos in it, streamed in two halves with a gold run after each.

Every table of gold against SQL over Silver, and the same content again from everything rebuilt.

Covers: spark_jobs.batch.gold.build, spark_jobs.batch.gold.marts, spark_jobs.batch.gold.staged_facts,
spark_jobs.transforms.star, spark_jobs.storage.frames.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.gold_lake import GoldWorkspace
from support.lakes import Workspace, new_workspace
from support.mart_oracles import HALF_UP, LIMIT, ORACLES
from support.published_lake import PublishedLake

from config.postgres import connect
from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.run import write_shop
from generator.events.options import EventOptions
from generator.events.run import run_events
from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.batch.rebuild.run import Rebuild
from spark_jobs.publish.schema import prepare_database
from spark_jobs.publish.transaction import Published, publish_version
from spark_jobs.schemas_gold import GOLD
from spark_jobs.storage.open_tables import open_snapshot
from spark_jobs.transforms.calendar import calendar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection
    from pyspark.sql import SparkSession
    from support.postgres_servers import Server

    from spark_jobs.batch.gold.record import RunRecord

SUBJECTS = ("ecommerce_events", *SHOP_SUBJECTS)
DAYS, HALF = 20, 11
START = datetime(2026, 1, 20, tzinfo=UTC)
LAST = date(2026, 2, 28)
#: Nothing is held back: what the gates hold back is shown elsewhere, and here every order counts.
LENIENT: dict[str, Any] = {"GATE_TOTALS_TOLERANCE": "1", "GATE_VOLUME_TOLERANCE": "1", "TOP_PRODUCTS": str(LIMIT)}
TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?")

FACTS = """
CREATE MACRO customer_at(number, moment) AS coalesce((
    SELECT customer_key FROM customers WHERE customer_id = number AND moment >= valid_from AND moment < valid_to), -number);
CREATE MACRO product_at(number, moment) AS coalesce((
    SELECT product_key FROM products WHERE product_id = number AND moment >= valid_from AND moment < valid_to), -number);
CREATE TABLE facts AS
SELECT i.order_item_id, o.order_id, strftime(o.order_date, '%Y%m%d')::INT AS date_key, o.order_date AS order_time, o.customer_id,
    customer_at(o.customer_id, o.order_date) AS customer_key,
    i.product_id,
    product_at(i.product_id, o.order_date) AS product_key,
    o.status, i.quantity, i.unit_price, i.line_total, o.order_date::DATE AS order_date
FROM silver_items i, silver_orders o
WHERE i.order_id = o.order_id AND NOT i._deleted AND NOT o._deleted AND o.order_date IS NOT NULL AND o.customer_id IS NOT NULL;
CREATE TABLE payments AS
SELECT p.payment_id, p.order_id, strftime(o.order_date, '%Y%m%d')::INT AS date_key, o.customer_id,
    customer_at(o.customer_id, o.order_date) AS customer_key,
    p.method, p.status, p.amount, p.paid_at, o.order_date::DATE AS order_date
FROM silver_payments p, silver_orders o
WHERE p.order_id = o.order_id AND NOT p._deleted AND NOT o._deleted AND o.order_date IS NOT NULL AND o.customer_id IS NOT NULL;
CREATE TABLE orders AS
SELECT order_id, order_date::DATE AS order_date, status, total_amount FROM silver_orders
WHERE NOT _deleted AND order_date IS NOT NULL AND customer_id IS NOT NULL;
"""
OTHERS = {
    "fact_orders": "FROM facts",
    "fact_payments": "FROM payments",
    "inferred_members": """
        SELECT 'customer', customer_key, customer_id, min(order_time), count(*) FROM facts WHERE customer_key < 0 GROUP BY ALL
        UNION ALL
        SELECT 'product', product_key, product_id, min(order_time), count(*) FROM facts WHERE product_key < 0 GROUP BY ALL""",
    "waiting_facts": """
        SELECT order_id, 'line', order_item_id, line_total FROM silver_items
        WHERE NOT _deleted AND order_id NOT IN (SELECT order_id FROM orders)
        UNION ALL
        SELECT order_id, 'payment', payment_id, amount FROM silver_payments
        WHERE NOT _deleted AND order_id NOT IN (SELECT order_id FROM orders)""",
}


@dataclass
class Told:
    """The lake after both halves, with the records of its gold runs and what gold held after each."""

    workspace: Workspace
    first: RunRecord
    second: RunRecord
    content: dict[str, list[Any]]
    published: list[dict[str, Published | None]]


@pytest.fixture(scope="module")
def postgres(shared_server: Server) -> Iterator[Connection]:
    """A database that is published to after each half."""
    connection = connect(replace(shared_server.database, name="shop"), "owner", application="tests")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def told(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, postgres: Connection) -> Told:
    root = tmp_path_factory.mktemp("shop")
    workspace = new_workspace(root, **LENIENT)
    options: dict[str, Any] = {
        "files": DAYS,
        "customers": 80,
        "products": 40,
        "orders": 400,
        "seed": 11,
        "start": START,
    }
    write_shop(root / "made", **options)
    events: dict[str, Any] = {
        "rows_per_file": 100,
        "files": 3,
        "every_seconds": 0,
        "seed": 7,
        "manifest": root / "events.jsonl",
    }
    run_events(EventOptions(out=workspace.landing, **events), stop=threading.Event())
    land(root / "made" / "landing", workspace.landing, 0, HALF)
    workspace.drain(spark, *SUBJECTS)
    gold = GoldRun(spark, workspace.settings, workspace.registry)
    first = gold.run(LAST)
    published = [publish(workspace, postgres)]
    land(root / "made" / "landing", workspace.landing, HALF + 1, DAYS)
    workspace.drain(spark, *SHOP_SUBJECTS)
    second = gold.run(LAST)
    published.append(publish(workspace, postgres))
    return Told(workspace, first, second, GoldWorkspace(workspace).content(), published)


def publish(workspace: Workspace, postgres: Connection) -> dict[str, Published | None]:
    """Every table brought to its newest version; what was done to each, by the lake's name for it."""
    targets = prepare_database(postgres, workspace.registry, workspace.lake)
    found = [(target, open_snapshot(target.table.path)) for target in targets]
    return {target.table.name: publish_version(postgres, target, now) for target, now in found if now is not None}


def land(made: Path, landing: Path, first: int, last: int) -> None:
    """The files of some days, by the number in their names."""
    for path in sorted(made.glob("*/*")):
        number = int("".join(re.findall(r"_(\d{6})", path.name)) or 0)
        if first <= number <= last:
            (landing / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, landing / path.parent.name / path.name)


@pytest.fixture(scope="module")
def sql(told: Told) -> duckdb.DuckDBPyConnection:
    """Silver and history as DuckDB sees them, and what the oracles ask for, made of them in SQL and plain Python."""
    lake, subject = told.workspace.lake, told.workspace.subject
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(HALF_UP)
    silver = {name: scanned(lake.current(subject(name)).path) for name in ("orders", "order_items", "payments")}
    names = {"orders": "silver_orders", "order_items": "silver_items", "payments": "silver_payments"}
    tables = {names[name]: rows for name, rows in silver.items()}
    for name in ("customers", "products"):
        history = lake.history(subject(name))
        assert history is not None
        tables[name] = scanned(history.path)
    tables |= {"accepted": accepted(told.workspace), "letters": letters(told.workspace)}
    for name, rows in tables.items():
        connection.register(f"{name}_arrow", rows)
        connection.execute(f"CREATE TABLE {name} AS FROM {name}_arrow")
    connection.execute(FACTS)
    return connection


def scanned(path: str) -> pa.Table:
    return pa.table(DeltaTable(path).scan().read_all())


def accepted(workspace: Workspace) -> pa.Table:
    """The day of every accepted row."""
    found = [(name, day) for name in SUBJECTS for day in days_of(workspace, name)]
    return pa.table({"subject": [name for name, _ in found], "event_date": [day for _, day in found]})


def days_of(workspace: Workspace, name: str) -> list[date]:
    rows: list[date] = scanned(workspace.lake.accepted(workspace.subject(name)).path)["event_date"].to_pylist()
    return rows


def letters(workspace: Workspace) -> pa.Table:
    """The day of every dead letter: that of its event where the text can be read, else that on which it came in."""
    rows = scanned(workspace.lake.dead_letters.path).to_pylist()
    days = [
        day_of(dict(row["payload"] or {}).get(workspace.subject(row["subject"]).latest.event_time), row) for row in rows
    ]
    return pa.table({"subject": [row["subject"] for row in rows], "event_date": days})


def day_of(text: str | None, row: dict[str, Any]) -> date:
    came: datetime = row["ingested_at"]
    if text is None or not TIME.fullmatch(text):
        return came.date()
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return came.date()
    return moment.date() if 1990 <= moment.year <= 2050 else came.date()


@pytest.mark.journey
@pytest.mark.parametrize("name", [*OTHERS, *ORACLES])
def test_every_table_of_gold_is_what_sql_over_silver_says(
    told: Told, sql: duckdb.DuckDBPyConnection, name: str
) -> None:
    wanted = Counter(sql.execute({**OTHERS, **ORACLES}[name]).fetchall())
    assert Counter(told.content[name]) == wanted
    assert wanted or name in ("inferred_members", "waiting_facts")  # of which a shop may have none


@pytest.mark.journey
def test_the_second_run_took_in_the_second_half_and_what_it_changed_of_the_first(told: Told) -> None:
    first, second = (set(record.dates_built) for record in (told.first, told.second))
    assert (told.first.status, told.second.status) == ("published", "published")
    assert max(second) > max(first)
    assert first & second  # orders of the first half that were shipped, paid or refunded in the second
    assert {GOLD["dim_date"].schema.names[0]: told.content["dim_date"][0][0]} == {"date_key": 19900101}
    assert len(told.content["dim_date"]) == calendar("US").num_rows


@pytest.mark.journey
def test_postgres_shows_every_table_as_the_lake_has_it_and_was_sent_only_what_the_second_half_changed(
    told: Told, postgres: Connection
) -> None:
    shown = PublishedLake(told.workspace)
    shown.prepare(postgres)
    first, second = told.published
    assert set(shown.targets) == set(second), "the shop has every table"
    assert all(shown.is_equal(postgres, name) for name in shown.targets)
    assert not [name for name, done in second.items() if done is not None and done.whole and name in first]
    assert second["gold/dim_date"] is None
    assert second["bronze/ecommerce_events"] is None


@pytest.mark.journey
def test_everything_rebuilt_and_gold_made_afresh_have_the_same_content(told: Told, spark: SparkSession) -> None:
    workspace, gold = told.workspace, GoldRun(spark, told.workspace.settings, told.workspace.registry)
    for name in SHOP_SUBJECTS:
        assert Rebuild(spark, workspace.settings, workspace.registry, name, lambda _: None).run(verify=False).equal
    assert gold.run(LAST).dates_built == ()
    assert GoldWorkspace(workspace).content() == told.content
    for name in GOLD:
        shutil.rmtree(workspace.lake.gold(name).path, ignore_errors=True)
    shutil.rmtree(workspace.lake.runs.path)
    afresh = gold.run(LAST)
    assert set(afresh.dates_built) == set(told.first.dates_built) | set(told.second.dates_built)
    assert GoldWorkspace(workspace).content() == told.content
