"""The plans of what the API asks, as Postgres made and timed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.api_rows import BEGIN, DAYS
from serving.database import Questions
from serving.models.quality import Targets
from serving.queries import events, letters, past, quality, sales

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import LiteralString

    from serving.database import Pool, Row

LAST = BEGIN + timedelta(days=DAYS - 1)
MID = datetime(2025, 11, 15, 15, tzinfo=UTC)

ASKED: Mapping[str, Callable[[Questions], object]] = {
    "/status": lambda ask: quality.status(ask, Targets(validity=0.95, freshness_seconds=300)),
    "/books, a page far down": lambda ask: quality.books(ask, "orders", (MID, "orders", "q", 5), 50),
    "/quality, 24 hours": lambda ask: quality.hours(ask, None, 24),
    "/throughput, an hour": lambda ask: quality.minutes(ask, None, 60),
    "/reasons, 24 hours": lambda ask: quality.reasons(ask, None, 24),
    "/dead-letters, open, a page far down": lambda ask: letters.letters(ask, None, {}, "open", (MID, "5"), 50),
    "/dead-letters by code and field": lambda ask: letters.letters(
        ask, None, {"code": "bad_type", "field": "price"}, None, None, 50
    ),
    "/revenue/daily": lambda ask: sales.days(ask, None, LAST, None, 50),
    "/revenue/products/{id}, 30 days": lambda ask: sales.of_product(ask, 17, None, None),
    "/products?query=": lambda ask: past.products(ask, "17", None, 50),
    "/products/top": lambda ask: sales.top(ask, LAST, 10),
    "/products/{id}/price": lambda ask: past.price(ask, 17, MID),
    "/products/{id}/history": lambda ask: past.product_history(ask, 17),
    "/customers/{id}/address": lambda ask: past.address(ask, 17, MID),
    "/customers/lifetime-value": lambda ask: sales.values(ask, None, 50),
    "/segments": lambda ask: sales.segments(ask),
    "/events/hourly, 24 hours": lambda ask: events.summary(ask, events.HOURLY, 24),
    "/events/hourly, 7 days": lambda ask: events.summary(ask, events.HOURLY, 168),
    "/events/categories, 24 hours": lambda ask: events.summary(ask, events.CATEGORIES, 24),
    "/events/segments, 24 hours": lambda ask: events.summary(ask, events.SEGMENTS, 24),
}


class _Explained(Questions):
    """Explains every query before it puts it."""

    def __init__(self, ask: Questions) -> None:
        self._ask = ask
        self.plans: list[str] = []

    def rows(self, query: LiteralString, values: Row | None = None) -> list[Row]:
        """The rows; the plan is kept."""
        lines = self._ask.rows("EXPLAIN (ANALYZE, BUFFERS) " + query, values)
        self.plans.append("\n".join(line["QUERY PLAN"] for line in lines))
        return self._ask.rows(query, values)


def plans(pool: Pool) -> str:
    """Each question, and the plans of its queries in the order in which they are put, on a connection such as the API's."""
    planned = {name: pool.ask(partial(_planned, question)) for name, question in ASKED.items()}
    return "\n\n".join(f"{name}\n\n{found}" for name, found in planned.items()) + "\n"


def _planned(question: Callable[[Questions], object], ask: Questions) -> str:
    explained = _Explained(ask)
    question(explained)
    return "\n\n".join(explained.plans)
