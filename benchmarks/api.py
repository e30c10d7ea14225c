"""The API over 1,000,000 facts and 1,000,000 events of 90 days: milliseconds of each question over HTTP, and the plans behind them.

Every request asks for something else (another product, customer, day, page or filter), so that no answer is one that was kept.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from config.postgres import connect, stop_embedded
from config.settings import Settings
from schema_registry.registry import load as load_registry
from serving.app import create_app
from serving.serve import Server, configured, listening
from spark_jobs.lake import Lake
from spark_jobs.queries.publish.schema import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection

    from config.groups import Database

DAYS, PRODUCTS, CUSTOMERS = 90, 2_000, 50_000
LAST = date(2026, 1, 29)
REQUESTS, WARM = 120, 20

FILL = """
SELECT setseed(0.29);
INSERT INTO products (product_id, product_name, category, brand, price, _deleted, row_id)
    SELECT n, 'Product ' || md5(n::text) || ' ' || n, 'c' || n %% 12, 'b' || n %% 40, n / 7.0, false, 'p' || n FROM generate_series(1, {products}) n;
INSERT INTO dim_product (product_key, product_id, product_name, category, price, valid_from, valid_to, is_current, version)
    SELECT 10 * n + v, n, 'Product ' || n, 'c' || n %% 12, n / 7.0 + v, '2025-01-01'::timestamptz + v * interval '60 days',
        CASE WHEN v = 5 THEN '9999-12-31' ELSE '2025-01-01'::timestamptz + (v + 1) * interval '60 days' END, v = 5, v + 1
    FROM generate_series(1, {products}) n, generate_series(0, 5) v;
INSERT INTO dim_customer (customer_key, customer_id, first_name, last_name, address, city, country, valid_from, valid_to, is_current, version)
    SELECT 10 * n + v, n, 'A', 'B', 'Street ' || n, 'City ' || v, 'NO', '2025-01-01'::timestamptz + v * interval '90 days',
        CASE WHEN v = 2 THEN '9999-12-31' ELSE '2025-01-01'::timestamptz + (v + 1) * interval '90 days' END, v = 2, v + 1
    FROM generate_series(1, {customers}) n, generate_series(0, 2) v;
INSERT INTO fact_orders (order_item_id, order_id, customer_id, product_id, status, quantity, unit_price, line_total, order_date, order_time)
    SELECT n, n / 3, 1 + (random() * ({customers} - 1))::int, 1 + (power(random(), 3) * ({products} - 1))::int,
        (ARRAY['delivered', 'shipped', 'cancelled'])[1 + n %% 3], 1 + n %% 4, 9.99, 9.99 * (1 + n %% 4), d, d
    FROM (SELECT n, %(last)s::date - (random() * {days})::int AS d FROM generate_series(1, {rows}) n) x;
INSERT INTO ecommerce_events (event_id, user_id, event_type, product_id, price, event_time, session_id, category, quantity, user_segment,
        total_amount, late_arrival_flag, event_date, schema_version, row_id, query_id, batch_id)
    SELECT 'e' || n, (random() * {customers})::int, (ARRAY['view', 'view', 'view', 'search', 'add_to_cart', 'purchase'])[1 + n %% 6],
        1 + (power(random(), 3) * ({products} - 1))::int, 9.99, t, 's' || n / 8, 'c' || n %% 12, 1, (ARRAY['new', 'returning', 'premium'])[1 + n %% 3],
        9.99, n %% 50 = 0, (t AT TIME ZONE 'UTC')::date, 3, 'r' || n, 'q', n / 10000
    FROM (SELECT n, %(last)s::timestamptz + interval '1 day' - n * interval '{days} days' / {rows} AS t FROM generate_series(1, {rows}) n) x;
INSERT INTO data_quality_metrics (subject, query_id, batch_id, rows_read, accepted, late, duplicate, dead_letter, control, unaccounted, reasons,
        watermark, started_at, duration_seconds)
    SELECT s, 'q', n, 1000, 970, 9, 10, 20, 0, 0, '{{"bad_type:price": 15, "missing:event_id": 5}}', t, t, 1.1
    FROM (SELECT s, n, %(last)s::timestamptz - n * interval '1 minute' AS t
        FROM generate_series(1, 10000) n, unnest(ARRAY['ecommerce_events', 'orders', 'products']) s) x;
INSERT INTO dead_letter_events (row_id, subject, reasons, status, source, source_position, dead_lettered_at, payload)
    SELECT 'd' || n, (ARRAY['ecommerce_events', 'orders'])[1 + n %% 2],
        jsonb_build_array(jsonb_build_object('code', 'c' || n %% 9, 'field', 'f' || n %% 17, 'detail', md5(n::text))),
        (ARRAY['open', 'open', 'resolved'])[1 + n %% 3], 'a.csv', n, %(last)s::timestamptz - n * interval '1 second', '{{"price": "x"}}'
    FROM generate_series(1, {letters}) n;
INSERT INTO daily_gmv SELECT %(last)s::date - n, 1000, 900, 3000, 99999.99, 10, 99.99, 99.99 FROM generate_series(0, {days}) n;
INSERT INTO top_products (order_date, rank, product_id, product_name, orders, units, revenue)
    SELECT %(last)s::date - n, r, r, 'Product ' || r, 9, 9, 1000 - r FROM generate_series(0, {days}) n, generate_series(1, 10) r;
INSERT INTO customer_lifetime_value (customer_id, orders, units, gross_amount, refunded_amount, lifetime_value)
    SELECT n, 3, 9, n %% 997, 0, n %% 997 FROM generate_series(1, {customers}) n;
INSERT INTO customer_segments (customer_id, segment, monetary, recency_days, frequency)
    SELECT n, 's' || n %% 6, n %% 997, n %% 90, n %% 7 FROM generate_series(1, {customers}) n;
UPDATE published_tables SET lake_table_id = 'id', version = 1, published_at = now(), lake_committed_at = now();
"""


def measure(out: Path, rows: int) -> dict[str, Any]:
    """Median and p95 of each question in milliseconds."""
    root = out / "api"
    shutil.rmtree(root, ignore_errors=True)
    database = replace(Settings().database, root=root / "postgres")
    try:
        with closing(connect(database, "owner", application="benchmark")) as connection:
            _fill(connection, root, rows)
        with _served(database) as address:
            return {name: _asked(address, make) for name, make in QUESTIONS.items()}
    finally:
        stop_embedded(database)


def _fill(connection: Connection, root: Path, rows: int) -> None:
    prepare(connection, load_registry(Settings().lake.contracts), Lake(root / "lake"))
    sizes = {"products": PRODUCTS, "customers": CUSTOMERS, "rows": rows, "days": DAYS, "letters": rows // 50}
    with connection, connection.cursor() as cursor:
        cursor.execute(FILL.format(**sizes), {"last": LAST})
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _served(database: Database) -> Iterator[str]:
    with listening("127.0.0.1", 0) as sockets:
        server = Server(configured(create_app(replace(Settings(), database=database))))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sockets]})
        thread.start()
        yield f"http://127.0.0.1:{sockets.getsockname()[1]}/api/v1"
        server.should_exit = True
        thread.join()


def _asked(address: str, make: Callable[[random.Random], str]) -> dict[str, float]:
    chance, taken = random.Random(29), []
    for number in range(WARM + REQUESTS):
        begun = time.perf_counter()
        # What nobody reads, so that the same question twice is not answered by what was kept.
        path = make(chance)
        with urlopen(f"{address}{path}{'&' if '?' in path else '?'}n={number}") as answer:
            assert answer.status == 200
            answer.read()
        taken.append(1000 * (time.perf_counter() - begun))
    p50, p95 = np.quantile(taken[WARM:], [0.5, 0.95])
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def _with(path: str, **params: Any) -> str:
    return f"{path}?{urlencode(params)}"


def _moment(chance: random.Random) -> str:
    return (datetime(2025, 2, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(300 * 1440))).isoformat()


def _product(chance: random.Random) -> int:
    return chance.randint(1, PRODUCTS)


QUESTIONS: dict[str, Callable[[random.Random], str]] = {
    "/status": lambda chance: "/status",
    "/books": lambda chance: _with("/books", limit=50, subject=chance.choice(("orders", "products"))),
    "/quality, 24 hours": lambda chance: _with("/quality", hours=24),
    "/throughput, an hour": lambda chance: _with("/throughput", minutes=60),
    "/reasons, 24 hours": lambda chance: _with("/reasons", hours=24),
    "/dead-letters": lambda chance: _with("/dead-letters", limit=50),
    "/dead-letters by code and field": lambda chance: _with(
        "/dead-letters", code=f"c{chance.randrange(9)}", field=f"f{chance.randrange(17)}"
    ),
    "/dead-letters/{row_id}": lambda chance: f"/dead-letters/d{chance.randint(1, 1000)}",
    "/revenue/daily": lambda chance: _with("/revenue/daily", limit=30),
    "/revenue/products/{id}, 30 days": lambda chance: f"/revenue/products/{_product(chance)}",
    "/revenue/products/1, 90 days": lambda chance: _with(
        "/revenue/products/1", **{"from": "2025-10-31", "to": "2026-01-29"}
    ),
    "/products?query=": lambda chance: _with("/products", query=f"{chance.randrange(16**3):03x}"),
    "/products/top": lambda chance: _with("/products/top", date=LAST - timedelta(days=chance.randrange(DAYS))),
    "/products/{id}/price": lambda chance: _with(f"/products/{_product(chance)}/price", at=_moment(chance)),
    "/products/{id}/history": lambda chance: f"/products/{_product(chance)}/history",
    "/customers/{id}/address": lambda chance: _with(
        f"/customers/{chance.randint(1, CUSTOMERS)}/address", at=_moment(chance)
    ),
    "/customers/{id}/lifetime-value": lambda chance: f"/customers/{chance.randint(1, CUSTOMERS)}/lifetime-value",
    "/customers/lifetime-value": lambda chance: _with("/customers/lifetime-value", limit=50),
    "/segments": lambda chance: "/segments",
    "/events/hourly, 24 hours": lambda chance: _with("/events/hourly", hours=24),
    "/events/categories, 24 hours": lambda chance: _with("/events/categories", hours=24),
    "/events/segments, 24 hours": lambda chance: _with("/events/segments", hours=24),
    "/events/hourly, 7 days": lambda chance: _with("/events/hourly", hours=168),
    "/events/categories, 7 days": lambda chance: _with("/events/categories", hours=168),
    "/events/segments, 7 days": lambda chance: _with("/events/segments", hours=168),
}
