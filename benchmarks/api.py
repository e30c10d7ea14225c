"""The API over 1,000,000 facts and 1,000,000 events of 90 days: milliseconds of each question over HTTP, and the plans behind them.

The server is `tally serve` in a process of its own. Every request asks for something else (another product, customer, day, page or
filter, and a parameter that nobody reads), so that no answer is one that was kept.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import numpy as np

from benchmarks.api_plans import plans
from benchmarks.api_rows import BEGIN, CUSTOMERS, DAYS, PRODUCTS, fill
from config.postgres import connect, stop_embedded
from config.settings import Settings
from serving.database import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from config.groups import Database

    Question = Callable[[random.Random], str]

REQUESTS, WARM = 120, 20
#: Pages of 200 that are turned before a page far down is measured.
PAGES = 20


def measure(out: Path, rows: int) -> dict[str, Any]:
    """Median and p95 of each question in milliseconds; the plans are written to a file beside the data."""
    root = out / "api"
    shutil.rmtree(root, ignore_errors=True)
    database = replace(Settings().database, root=root / "postgres")
    try:
        with closing(connect(database, "owner", application="benchmark")) as owner:
            fill(owner, root / "lake", rows)
        with closing(Pool(database)) as pool:
            (root / "plans.txt").write_text(plans(pool), encoding="utf-8")
        with _served(database) as client:
            figures = {name: _asked(client, question) for name, question in QUESTIONS.items()}
            figures |= {f"{path}, page {PAGES}": _asked(client, _far_down(client, path)) for path in PAGED}
            return figures | _again(client, "/status")
    finally:
        stop_embedded(database)


@contextmanager
def _served(database: Database) -> Iterator[httpx.Client]:
    """One who asks `tally serve`, started as a user starts it."""
    command = (sys.executable, "-m", "spark_jobs", "serve", "--port", "0")
    env = {**os.environ, "POSTGRES_ROOT": str(database.root)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if word.startswith("http://"))
        try:
            with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as client:
                yield client
        finally:
            process.terminate()


def _asked(client: httpx.Client, question: Question) -> dict[str, float]:
    chance, taken = random.Random(29), []
    for number in range(WARM + REQUESTS):
        path = question(chance)
        taken.append(_timed(client, f"{path}{'&' if '?' in path else '?'}n={number}", {}, 200))
    return _told(taken[WARM:])


def _timed(client: httpx.Client, path: str, headers: Mapping[str, str], status: int) -> float:
    """Milliseconds from asking to the whole answer."""
    began = time.perf_counter()
    found = client.get(path, headers=dict(headers))
    taken = 1000 * (time.perf_counter() - began)
    assert found.status_code == status, found.text
    return taken


def _far_down(client: httpx.Client, path: str) -> Question:
    """Asks for the page after those that are turned here; for the last one where there are fewer."""
    params = {"limit": "200"}
    for _ in range(PAGES - 1):
        following = client.get(path, params=params).json()["next"]
        params |= {"cursor": following} if following is not None else {}
    return lambda _: _with(path, **params)


def _again(client: httpx.Client, path: str) -> dict[str, dict[str, float]]:
    """The same question while nothing has changed: by one who has not got the answer, and by one who has."""
    tag = client.get(path).headers["etag"]
    kept = [_timed(client, path, {}, 200) for _ in range(REQUESTS)]
    known = [_timed(client, path, {"If-None-Match": tag}, 304) for _ in range(REQUESTS)]
    return {f"{path}, kept": _told(kept), f"{path}, 304": _told(known)}


def _told(taken: list[float]) -> dict[str, float]:
    p50, p95 = np.quantile(taken, [0.5, 0.95])
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def _with(path: str, **params: Any) -> str:
    return f"{path}?{urlencode(params)}"


def _day(chance: random.Random) -> str:
    return str(BEGIN + timedelta(days=chance.randrange(DAYS)))


def _month(chance: random.Random) -> dict[str, str]:
    first = BEGIN + timedelta(days=chance.randrange(DAYS - 30))
    return {"from": str(first), "to": str(first + timedelta(days=29))}


def _moment(chance: random.Random) -> str:
    minutes = timedelta(minutes=chance.randrange(DAYS * 1440))
    return (datetime(BEGIN.year, BEGIN.month, BEGIN.day, tzinfo=UTC) + minutes).isoformat()


def _product(chance: random.Random) -> int:
    """A product, the popular ones more often."""
    return 1 + int(PRODUCTS * chance.random() ** 2)


def _customer(chance: random.Random) -> int:
    return chance.randint(1, CUSTOMERS)


def _buyer(chance: random.Random) -> int:
    """A customer who has bought something, however few rows there are: every sixth order is delivered (api_rows.sql)."""
    return 1 + 6 * chance.randrange(160) * 7_919 % CUSTOMERS


PAGED = ("/books", "/dead-letters", "/customers/lifetime-value")
QUESTIONS: dict[str, Question] = {
    "/status": lambda chance: "/status",
    "/books": lambda chance: _with("/books", limit=50, subject=chance.choice(("orders", "ecommerce_events"))),
    "/quality, 24 hours": lambda chance: _with("/quality", hours=24),
    "/quality, up to 31 days": lambda chance: _with("/quality", hours=chance.randint(1, 744)),
    "/throughput, an hour": lambda chance: _with("/throughput", minutes=60),
    "/throughput, a day": lambda chance: _with("/throughput", minutes=1440),
    "/reasons, 24 hours": lambda chance: _with("/reasons", hours=24),
    "/reasons, up to 31 days": lambda chance: _with("/reasons", hours=chance.randint(1, 744)),
    "/dead-letters, 500 open ones": lambda chance: _with("/dead-letters", limit=500, status="open"),
    "/dead-letters by code and field": lambda chance: _with(
        "/dead-letters",
        code=chance.choice(("bad_type", "missing", "rule")),
        field=chance.choice(("price", "user_id", "category")),
    ),
    "/revenue/daily": lambda chance: _with("/revenue/daily", **_month(chance)),
    "/revenue/products/{id}, 30 days": lambda chance: f"/revenue/products/{_product(chance)}",
    "/revenue/products/{id}, 90 days": lambda chance: _with(
        f"/revenue/products/{_product(chance)}", **{"from": str(BEGIN)}
    ),
    "/products?query=": lambda chance: _with("/products", query=chance.randrange(PRODUCTS)),
    "/products/top": lambda chance: _with("/products/top", date=_day(chance)),
    "/products/{id}/price": lambda chance: _with(f"/products/{_product(chance)}/price", at=_moment(chance)),
    "/products/{id}/history": lambda chance: f"/products/{_product(chance)}/history",
    "/customers/{id}/address": lambda chance: _with(f"/customers/{_customer(chance)}/address", at=_moment(chance)),
    "/customers/{id}/history": lambda chance: f"/customers/{_customer(chance)}/history",
    "/customers/{id}/lifetime-value": lambda chance: f"/customers/{_buyer(chance)}/lifetime-value",
    "/customers/lifetime-value": lambda chance: _with("/customers/lifetime-value", limit=500),
    "/segments": lambda chance: "/segments",
    "/events/hourly, 24 hours": lambda chance: _with("/events/hourly", hours=24),
    "/events/categories, 24 hours": lambda chance: _with("/events/categories", hours=24),
    "/events/segments, 24 hours": lambda chance: _with("/events/segments", hours=24),
    "/events/hourly, 7 days": lambda chance: _with("/events/hourly", hours=168),
    "/events/categories, 7 days": lambda chance: _with("/events/categories", hours=168),
    "/events/segments, 7 days": lambda chance: _with("/events/segments", hours=168),
}
