"""The scenario price-rises: what a price was on average, as offered and as sold."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from spark_jobs.demo.history import from_until
from spark_jobs.demo.scenarios.shop import CUSTOMER, GRINDER, at
from spark_jobs.demo.scenarios.text import show_next_commands, show_sentence, show_title
from spark_jobs.render.terminal import show_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spark_jobs.demo.history import Version
    from spark_jobs.demo.scenarios.shop import Shop

OLD_PRICE, NEW_PRICE = Decimal("10.00"), Decimal("12.00")
CENT = Decimal("0.01")


def price_rises(shop: Shop) -> None:
    """A price rises in the middle of the year; show the average price of two quarters, as offered and as sold."""
    show_title("A price rises", "The coffee grinder costs 10.00, and 12.00 from 16 July 2025 on.")
    shop.change("customers", at(2025, 1, 1), **CUSTOMER, address="Storgata 1", city="Oslo")
    shop.change("products", at(2025, 1, 1), **GRINDER, price=OLD_PRICE)
    shop.change("products", at(2025, 7, 16), **GRINDER, price=NEW_PRICE)
    shop.order(201, 1, at(2025, 5, 6, 9), (7, 5, OLD_PRICE))
    shop.order(202, 1, at(2025, 7, 14, 18), (7, 8, OLD_PRICE))
    shop.order(203, 1, at(2025, 8, 20, 15), (7, 4, NEW_PRICE))
    shop.stream()
    shop.publish(date(2025, 9, 30))
    prices = shop.history("products", ["price"])
    bounds = [[str(v["price"]), *from_until(v)] for v in prices]
    show_table("dim_product: both prices are kept", ["price", "from", "until"], bounds)
    _show_averages(shop, prices)
    show_next_commands(shop.command('as-of products 7 "2025-07-15 15:00"'))


def average_price(versions: Iterable[Version], start: datetime, end: datetime) -> Decimal | None:
    """Return the price in [start, end) weighted by how long each version held, to the cent, half up; None if none did.

    ``versions``: price, valid_from and valid_to. Exact until it is rounded, as spans are whole microseconds.
    """
    spans = [(min(v["valid_to"], end) - max(v["valid_from"], start), v["price"]) for v in versions]
    held = [(Fraction(span // span.resolution), price) for span, price in spans if span > span * 0]
    weight = sum(span for span, _ in held)
    return _to_the_cent(sum(span * Fraction(price) for span, price in held) / weight) if weight else None


def _show_averages(shop: Shop, prices: Sequence[Version]) -> None:
    """Show the average price of two quarters: of the history, and of what was sold."""
    facts = shop.gold("fact_orders", ["order_date", "quantity", "line_total"], "order_date")
    quarters = [
        ("April to June", date(2025, 4, 1), date(2025, 7, 1)),
        ("July to September", date(2025, 7, 1), date(2025, 10, 1)),
    ]
    rows = []
    for name, start, end in quarters:
        sold = [fact for fact in facts if start <= fact["order_date"] < end]
        pieces, revenue = sum(fact["quantity"] for fact in sold), sum(fact["line_total"] for fact in sold)
        offered = average_price(prices, _start_of(start), _start_of(end))
        rows.append([name, str(offered), pieces, str(revenue), str(_to_the_cent(Fraction(revenue) / pieces))])
    names = ["quarter of 2025", "average price offered", "pieces sold", "revenue", "average price sold at"]
    show_table("The average price, asked in two ways", names, rows)
    show_sentence(
        "Offered: each price of dim_product weighted by the time it held. From July to September that was 10.00 for 15 days and "
        "12.00 for 77. Sold at: revenue by pieces of fact_orders. Eight pieces went at 10.00 before the rise and four at 12.00 "
        "after it, so what buyers paid is nearer to the old price than what was asked."
    )


def _to_the_cent(value: Fraction | int) -> Decimal:
    """Round half up; nothing here is negative."""
    return Decimal(int(value * 100 + Fraction(1, 2))) * CENT


def _start_of(day: date) -> datetime:
    return at(day.year, day.month, day.day)
