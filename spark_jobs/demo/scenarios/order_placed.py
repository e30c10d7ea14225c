"""The scenario order-placed: what a day sold before and after one order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from spark_jobs.demo.scenarios.shop import CUSTOMER, GRINDER, KETTLE, TIN, at
from spark_jobs.demo.scenarios.text import show_next_commands, show_sentence, show_title
from spark_jobs.render.terminal import show_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spark_jobs.demo.scenarios.shop import Row, Shop

GRINDER_PRICE, KETTLE_PRICE, TIN_PRICE = Decimal("12.00"), Decimal("36.00"), Decimal("4.50")


def order_placed(shop: Shop) -> None:
    """An order of three items is placed; show the day's revenue before and after."""
    today = date(2026, 3, 2)
    show_title(
        "An order is placed", f"In this story today is Monday, {today}; one order of 48.00 was placed this morning."
    )
    shop.change("customers", at(2026, 1, 1), **CUSTOMER, address="Storgata 1", city="Oslo")
    for product, price in ((GRINDER, GRINDER_PRICE), (KETTLE, KETTLE_PRICE), (TIN, TIN_PRICE)):
        shop.change("products", at(2026, 1, 1), **product, price=price)
    shop.order(301, 1, at(2026, 3, 2, 8), (7, 4, GRINDER_PRICE))
    shop.stream()
    shop.publish(today)
    before = _sales(shop, today)
    lines = ((7, 1, GRINDER_PRICE), (8, 2, KETTLE_PRICE), (9, 3, TIN_PRICE))
    total = shop.order(302, 1, at(2026, 3, 2, 14), *lines)
    shop.stream()
    landed = _sales(shop, today)
    shop.publish(today)
    _show_before_and_after(before, landed, _sales(shop, today), total, lines)
    show_next_commands(shop.command(f"report --date {today}"), shop.command("status"))


def _sales(shop: Shop, day: date) -> Row:
    """Return the day's row of daily_gmv."""
    columns = ["order_date", "orders", "units", "gmv", "average_order_value"]
    return next(row for row in shop.gold("daily_gmv", columns, "order_date") if row["order_date"] == day)


def _show_before_and_after(
    before: Row, landed: Row, after: Row, total: Decimal, lines: Iterable[tuple[int, int, Decimal]]
) -> None:  # fmt: skip
    moments = (("before the order", before), ("it is in Silver, gold not run", landed), ("after the run", after))
    names = ["orders", "units", "gmv", "average_order_value"]
    rows = [[moment, *[str(sales[name]) for name in names]] for moment, sales in moments]
    show_table("daily_gmv of today", ["", "orders", "units", "revenue", "average order"], rows)
    sum_of = " + ".join(f"{quantity} × {price}" for _, quantity, price in lines)
    show_sentence(
        f"The order comes to {sum_of} = {total}. Revenue today was {before['gmv']} before and is {after['gmv']} after the run: "
        f"{after['gmv'] - before['gmv']} more. What is published changes with a run, all of a date at once, once its gates pass."
    )
