"""The plans of what the API asks, as Postgres made and timed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.api_rows import BEGIN, DAYS
from serving.database import Transaction
from serving.models.quality import Targets
from serving.queries import dead_letters, events, history, quality, sales

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import LiteralString

    from serving.database import Pool, Row

LAST = BEGIN + timedelta(days=DAYS - 1)
MID = datetime(2025, 11, 15, 15, tzinfo=UTC)

ASKED: Mapping[str, Callable[[Transaction], object]] = {
    "/status": lambda tx: quality.status(tx, Targets(validity=0.95, freshness_seconds=300)),
    "/books, a page far down": lambda tx: quality.books(tx, "orders", (MID, "orders", "q", 5), 50),
    "/quality, 24 hours": lambda tx: quality.hours(tx, None, 24),
    "/throughput, an hour": lambda tx: quality.minutes(tx, None, 60),
    "/reasons, 24 hours": lambda tx: quality.reasons(tx, None, 24),
    "/dead-letters, open, a page far down": lambda tx: dead_letters.dead_letters(tx, None, {}, "open", (MID, "5"), 50),
    "/dead-letters by code and field": lambda tx: dead_letters.dead_letters(
        tx, None, {"code": "bad_type", "field": "price"}, None, None, 50
    ),
    "/revenue/daily": lambda tx: sales.days(tx, None, LAST, None, 50),
    "/revenue/products/{id}, 30 days": lambda tx: sales.product_revenue(tx, 17, None, None),
    "/products?query=": lambda tx: sales.products(tx, "17", None, 50),
    "/products/top": lambda tx: sales.top(tx, LAST, 10),
    "/products/{id}/price": lambda tx: history.price(tx, 17, MID),
    "/products/{id}/history": lambda tx: history.product_history(tx, 17),
    "/customers/{id}/address": lambda tx: history.address(tx, 17, MID),
    "/customers/lifetime-value": lambda tx: sales.values(tx, None, 50),
    "/segments": lambda tx: sales.segments(tx),
    "/events/hourly, 24 hours": lambda tx: events.summary(tx, events.HOURLY, 24),
    "/events/hourly, 7 days": lambda tx: events.summary(tx, events.HOURLY, 168),
    "/events/categories, 24 hours": lambda tx: events.summary(tx, events.CATEGORIES, 24),
    "/events/segments, 24 hours": lambda tx: events.summary(tx, events.SEGMENTS, 24),
}


class _Explained(Transaction):
    """Explains every query before it puts it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def rows(self, query: LiteralString, values: Row | None = None) -> list[Row]:
        """The rows; the plan is kept."""
        lines = self._tx.rows("EXPLAIN (ANALYZE, BUFFERS) " + query, values)
        self.plans.append("\n".join(line["QUERY PLAN"] for line in lines))
        return self._tx.rows(query, values)


def plans(pool: Pool) -> str:
    """Each question, and the plans of its queries in the order in which they are put, on a connection such as the API's."""
    planned = {name: pool.run(partial(_planned, question)) for name, question in ASKED.items()}
    return "\n\n".join(f"{name}\n\n{found}" for name, found in planned.items()) + "\n"


def _planned(question: Callable[[Transaction], object], tx: Transaction) -> str:
    explained = _Explained(tx)
    question(explained)
    return "\n\n".join(explained.plans)
