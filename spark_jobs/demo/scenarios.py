"""Three stories of a small shop, each in a lake of its own: who lived where, what a price was, what a day sold.

The days are fixed, so that the same story ends with the same figures.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.demo.own_folder import require_own
from spark_jobs.demo.shop import COMMAND, Shop
from spark_jobs.errors import UsageError
from spark_jobs.render.terminal import console, say, show_table, styled_line
from spark_jobs.render.values import moment_text
from spark_jobs.session import spark_session
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from config.settings import Settings

ADA: dict[str, Any] = {
    "customer_id": 1,
    "first_name": "Ada",
    "last_name": "Berg",
    "email": "ada.berg@example.com",
    "country": "NO",
    "segment": "returning",
}
GRINDER: dict[str, Any] = {"product_id": 7, "product_name": "Coffee grinder", "category": "kitchen", "cost": "6.00"}
KETTLE: dict[str, Any] = {"product_id": 8, "product_name": "Kettle", "category": "kitchen", "cost": "20.00"}
TIN: dict[str, Any] = {"product_id": 9, "product_name": "Tea tin", "category": "kitchen", "cost": "1.50"}
TEN, TWELVE = Decimal("10.00"), Decimal("12.00")
CENT = Decimal("0.01")


def customer_moves(shop: Shop) -> None:
    """A customer orders, moves and orders again: where did she live when an order was placed?"""
    _heading("A customer moves", "Ada Berg orders, moves from Oslo to Bergen, and orders again.")
    shop.tell("customers", _at(2025, 1, 10), **ADA, address="Storgata 1", city="Oslo")
    shop.tell("customers", _at(2025, 6, 1), **ADA, address="Strandgaten 5", city="Bergen")
    shop.tell("products", _at(2025, 1, 1), **GRINDER, price=TEN)
    shop.order(101, 1, _at(2025, 3, 3, 12), (7, 1, TEN))
    shop.order(102, 1, _at(2025, 9, 1, 12), (7, 2, TEN))
    shop.stream()
    shop.publish(date(2025, 9, 1))
    homes = shop.history("customers", ["customer_key", "city", "address"])
    show_table("dim_customer: both versions are kept", ["city", "address", "from", "until"], [_home(v) for v in homes])
    _orders_and_homes(shop, homes)
    _asked_of_history(shop, _at(2025, 3, 3, 12))


def price_rises(shop: Shop) -> None:
    """A price rises in the middle of the year: the average price in two quarters, as offered and as sold."""
    _heading("A price rises", "The coffee grinder costs 10.00, and 12.00 from 16 July 2025 on.")
    shop.tell("customers", _at(2025, 1, 1), **ADA, address="Storgata 1", city="Oslo")
    shop.tell("products", _at(2025, 1, 1), **GRINDER, price=TEN)
    shop.tell("products", _at(2025, 7, 16), **GRINDER, price=TWELVE)
    shop.order(201, 1, _at(2025, 5, 6, 9), (7, 5, TEN))
    shop.order(202, 1, _at(2025, 7, 14, 18), (7, 8, TEN))
    shop.order(203, 1, _at(2025, 8, 20, 15), (7, 4, TWELVE))
    shop.stream()
    shop.publish(date(2025, 9, 30))
    prices = shop.history("products", ["price"])
    bounds = [[str(v["price"]), moment_text(v["valid_from"]), _until(v)] for v in prices]
    show_table("dim_product: both prices are kept", ["price", "from", "until"], bounds)
    _averages(shop, prices)
    _try(shop.command('as-of products 7 "2025-07-15 15:00"'))


def order_placed(shop: Shop) -> None:
    """An order of three items is placed: the day's revenue before, and after."""
    today = date(2026, 3, 2)
    _heading(
        "An order is placed", f"In this story today is Monday, {today}; one order of 48.00 was placed this morning."
    )
    shop.tell("customers", _at(2026, 1, 1), **ADA, address="Storgata 1", city="Oslo")
    for product, price in ((GRINDER, TWELVE), (KETTLE, Decimal("36.00")), (TIN, Decimal("4.50"))):
        shop.tell("products", _at(2026, 1, 1), **product, price=price)
    shop.order(301, 1, _at(2026, 3, 2, 8), (7, 4, TWELVE))
    shop.stream()
    shop.publish(today)
    before = _sales(shop, today)
    lines = ((7, 1, TWELVE), (8, 2, Decimal("36.00")), (9, 3, Decimal("4.50")))
    total = shop.order(302, 1, _at(2026, 3, 2, 14), *lines)
    shop.stream()
    landed = _sales(shop, today)
    shop.publish(today)
    _before_and_after(before, landed, _sales(shop, today), total, lines)
    _try(shop.command(f"report --date {today}"), shop.command("status"))


SCENARIOS: dict[str, Callable[[Shop], None]] = {
    "customer-moves": customer_moves,
    "price-rises": price_rises,
    "order-placed": order_placed,
}


def run_scenarios(settings: Settings, name: str | None, out: Path) -> None:
    """Tell the story of that name, or all of them; each folder ``out``/NAME is made anew. UsageError where there is none of it."""
    if name is not None and name not in SCENARIOS:
        raise UsageError(f"there is no scenario '{name}': they are {', '.join(SCENARIOS)}")
    chosen = SCENARIOS if name is None else {name: SCENARIOS[name]}
    for each in chosen:
        require_own(out / each, COMMAND)
    with console.status("starting Spark"):
        spark = spark_session(settings)
    shops = {each: Shop.opened(spark, settings, out / each) for each in chosen}
    for each, story in chosen.items():
        with console.status(f"{each}: landing, streaming, publishing"):
            story(shops[each])


def average_price(versions: Iterable[dict[str, Any]], start: datetime, end: datetime) -> Decimal | None:
    """The price on [start, end) weighted by how long each version held, to the cent, half up; None where none did.

    ``versions``: price, valid_from and valid_to. Exact until it is rounded, as spans are whole microseconds.
    """
    spans = [(min(v["valid_to"], end) - max(v["valid_from"], start), v["price"]) for v in versions]
    held = [(Fraction(span // span.resolution), price) for span, price in spans if span > span * 0]
    weight = sum(span for span, _ in held)
    return _to_the_cent(sum(span * Fraction(price) for span, price in held) / weight) if weight else None


def _orders_and_homes(shop: Shop, homes: Sequence[dict[str, Any]]) -> None:
    """fact_orders joined to dim_customer by customer_key: the version that held when the order was placed."""
    then = {home["customer_key"]: home for home in homes}
    facts = shop.gold("fact_orders", ["order_id", "order_time", "customer_key"], "order_id")
    rows = [[str(f["order_id"]), f["order_time"], then[f["customer_key"]]["city"], homes[-1]["city"]] for f in facts]
    title = "fact_orders joined to dim_customer by customer_key"
    show_table(title, ["order", "placed", "lived in then", "lives in now"], rows)


def _asked_of_history(shop: Shop, moment: datetime) -> None:
    """The same asked of the history alone."""
    told = state_at(shop.lake, shop.registry.subject("customers"), {"customer_id": 1}, moment)
    assert told.found is not None
    home = f"{told.found.row['address']}, {told.found.row['city']}"
    _say(
        f"When order 101 was placed, at {moment_text(moment)}, Ada Berg lived at {home}: history says what the fact says."
    )
    _try(shop.command(f'as-of customers 1 "{moment:%Y-%m-%d %H:%M}"'))


def _averages(shop: Shop, prices: Sequence[dict[str, Any]]) -> None:
    facts = shop.gold("fact_orders", ["order_date", "quantity", "line_total"], "order_date")
    quarters = [
        ("April to June", date(2025, 4, 1), date(2025, 7, 1)),
        ("July to September", date(2025, 7, 1), date(2025, 10, 1)),
    ]
    rows = []
    for name, start, end in quarters:
        sold = [fact for fact in facts if start <= fact["order_date"] < end]
        pieces, revenue = sum(fact["quantity"] for fact in sold), sum(fact["line_total"] for fact in sold)
        offered = average_price(prices, _midnight(start), _midnight(end))
        rows.append([name, str(offered), pieces, str(revenue), str(_to_the_cent(Fraction(revenue) / pieces))])
    names = ["quarter of 2025", "average price offered", "pieces sold", "revenue", "average price sold at"]
    show_table("The average price, asked in two ways", names, rows)
    _say(
        "Offered: each price of dim_product weighted by the time it held. From July to September that was 10.00 for 15 days and "
        "12.00 for 77. Sold at: revenue by pieces of fact_orders. Eight pieces went at 10.00 before the rise and four at 12.00 "
        "after it, so what buyers paid is nearer to the old price than what was asked."
    )


def _sales(shop: Shop, day: date) -> dict[str, Any]:
    columns = ["order_date", "orders", "units", "gmv", "average_order_value"]
    return next(row for row in shop.gold("daily_gmv", columns, "order_date") if row["order_date"] == day)


def _before_and_after(
    before: dict[str, Any], landed: dict[str, Any], after: dict[str, Any], total: Decimal, lines: Iterable[tuple[int, int, Decimal]]
) -> None:  # fmt: skip
    moments = (("before the order", before), ("it is in Silver, gold not run", landed), ("after the run", after))
    names = ["orders", "units", "gmv", "average_order_value"]
    rows = [[moment, *[str(sales[name]) for name in names]] for moment, sales in moments]
    show_table("daily_gmv of today", ["", "orders", "units", "revenue", "average order"], rows)
    sum_of = " + ".join(f"{quantity} × {price}" for _, quantity, price in lines)
    _say(
        f"The order comes to {sum_of} = {total}. Revenue today was {before['gmv']} before and is {after['gmv']} after the run: "
        f"{after['gmv'] - before['gmv']} more. What is published changes with a run, all of a date at once, once its gates pass."
    )


def _home(version: dict[str, Any]) -> list[str]:
    return [version["city"], version["address"], moment_text(version["valid_from"]), _until(version)]


def _until(version: dict[str, Any]) -> str:
    return "now" if version["valid_to"] == OPEN else moment_text(version["valid_to"])


def _to_the_cent(value: Fraction | int) -> Decimal:
    """Half up; nothing here is negative."""
    return Decimal(int(value * 100 + Fraction(1, 2))) * CENT


def _at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def _midnight(day: date) -> datetime:
    return _at(day.year, day.month, day.day)


def _heading(title: str, sentence: str) -> None:
    console.rule(styled_line((title, "bold")), align="left")
    _say(sentence)


def _say(sentence: str) -> None:
    say(sentence, soft_wrap=False)
    say()


def _try(*commands: str) -> None:
    say("Commands to try next:", style="dim")
    for command in commands:
        say(f"  {command}")
    say()
