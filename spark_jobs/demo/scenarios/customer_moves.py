"""The scenario customer-moves: where a customer lived when she ordered."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.demo.history import from_until
from spark_jobs.demo.scenarios.shop import CUSTOMER, GRINDER, at
from spark_jobs.demo.scenarios.text import show_next_commands, show_sentence, show_title
from spark_jobs.render.terminal import show_table
from spark_jobs.render.values import moment_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.demo.history import Version
    from spark_jobs.demo.scenarios.shop import Shop

PRICE = Decimal("10.00")


def customer_moves(shop: Shop) -> None:
    """A customer orders, moves and orders again; show where she lived when each order was placed."""
    show_title("A customer moves", "Ada Berg orders, moves from Oslo to Bergen, and orders again.")
    shop.change("customers", at(2025, 1, 10), **CUSTOMER, address="Storgata 1", city="Oslo")
    shop.change("customers", at(2025, 6, 1), **CUSTOMER, address="Strandgaten 5", city="Bergen")
    shop.change("products", at(2025, 1, 1), **GRINDER, price=PRICE)
    shop.order(101, 1, at(2025, 3, 3, 12), (7, 1, PRICE))
    shop.order(102, 1, at(2025, 9, 1, 12), (7, 2, PRICE))
    shop.stream()
    shop.publish(date(2025, 9, 1))
    homes = shop.history("customers", ["customer_key", "city", "address"])
    show_table("dim_customer: both versions are kept", ["city", "address", "from", "until"], [_home(v) for v in homes])
    _show_orders_and_homes(shop, homes)
    _show_home_at(shop, at(2025, 3, 3, 12))


def _show_orders_and_homes(shop: Shop, homes: Sequence[Version]) -> None:
    """Show fact_orders joined to dim_customer by customer_key: the version that held when each order was placed."""
    then = {home["customer_key"]: home for home in homes}
    facts = shop.gold("fact_orders", ["order_id", "order_time", "customer_key"], "order_id")
    rows = [[str(f["order_id"]), f["order_time"], then[f["customer_key"]]["city"], homes[-1]["city"]] for f in facts]
    title = "fact_orders joined to dim_customer by customer_key"
    show_table(title, ["order", "placed", "lived in then", "lives in now"], rows)


def _show_home_at(shop: Shop, moment: datetime) -> None:
    """Show where the customer lived at a moment, asked of the history alone."""
    answer = state_at(shop.lake, shop.registry.subject("customers"), {"customer_id": 1}, moment)
    assert answer.found is not None
    home = f"{answer.found.row['address']}, {answer.found.row['city']}"
    show_sentence(
        f"When order 101 was placed, at {moment_text(moment)}, Ada Berg lived at {home}: history says what the fact says."
    )
    show_next_commands(shop.command(f'as-of customers 1 "{moment:%Y-%m-%d %H:%M}"'))


def _home(version: Version) -> list[str]:
    return [version["city"], version["address"], *from_until(version)]
