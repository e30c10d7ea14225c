"""The demo's shop: its changes generated, then a customer who moved and a product whose price rose, found in the history."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.options import ShopOptions
from generator.changes.run import run_shop
from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.demo.history import Version, from_until, read_versions
from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import moment_text
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from schema_registry.registry import Registry, Subject
    from spark_jobs.lake import Lake

DAYS = 30
AFTERNOON = timedelta(hours=15)


def generate_shop(folder: Path, seed: int) -> date:
    """Write a month of a small shop's changes into ``folder``/input, manifests into ``folder``/manifests; return its last day."""
    options = ShopOptions(
        out=folder / "input",
        manifests=tuple(folder / "manifests" / f"{name}.jsonl" for name in SHOP_SUBJECTS),
        files=DAYS,
        every_seconds=0,
        seed=seed,
        customers=300,
        products=150,
        orders=1_000,
    )
    run_shop(options)
    return options.start.date() + timedelta(days=DAYS - 1)


def show_history(lake: Lake, registry: Registry) -> list[str]:
    """Show a customer who moved and a price that rose; return the arguments of the tally commands that ask for the same."""
    return [*_show_moved(lake, registry), *_show_price(lake, registry)]


def _show_moved(lake: Lake, registry: Registry) -> list[str]:
    """Show where a customer lived when they placed an order, and that they live elsewhere now."""
    subject = registry.subject("customers")
    versions = _versions_by_key(lake, subject, ["customer_id", "first_name", "last_name", "city"])
    orders = all_rows(lake.current(registry.subject("orders")), ["order_id", "customer_id", "order_date", "_deleted"])
    found = _order_before_a_move(versions, orders.filter(pc.invert(orders["_deleted"])).to_pylist())
    if found is None:
        return []
    customer, order = found
    key, placed = customer[0]["customer_id"], order["order_date"]
    name = f"{customer[0]['first_name']} {customer[0]['last_name']}"
    show_table(
        f"A customer moved: {name}, customer {key}",
        ["city", "from", "until"],
        [[v["city"], *from_until(v)] for v in customer],
    )
    then = state_at(lake, subject, {"customer_id": key}, placed)
    assert then.found is not None
    home = f"{then.found.row['address']}, {then.found.row['city']}, {then.found.row['country']}"
    say(
        f"Order {order['order_id']} was placed at {moment_text(placed)}: the customer lived at {home}, "
        f"and lives in {customer[-1]['city']} now."
    )
    say()
    return [f'as-of customers {key} "{placed:%Y-%m-%d %H:%M:%S}"']


def _order_before_a_move(
    customers: dict[int, list[Version]], orders: list[dict[str, Any]]
) -> tuple[list[Version], dict[str, Any]] | None:
    """Return the first order, by number, whose customer lived in another city then, after all versions of that customer."""
    for order in sorted(orders, key=lambda each: int(each["order_id"])):
        versions = customers.get(order["customer_id"], [])
        then = [v for v in versions if v["valid_from"] <= order["order_date"] < v["valid_to"]]
        if then and versions[-1]["valid_to"] == OPEN and then[0]["city"] != versions[-1]["city"]:
            return versions, order
    return None


def _show_price(lake: Lake, registry: Registry) -> list[str]:
    """Show a product's price at 15:00 of the day before it rose, and of the day after."""
    subject = registry.subject("products")
    versions = _versions_by_key(lake, subject, ["product_id", "product_name", "price"])
    risen = next((found for _, found in sorted(versions.items()) if _has_risen(found)), None)
    if risen is None:
        return []
    key = risen[0]["product_id"]
    rise = next(after for before, after in pairwise(risen) if after["price"] > before["price"])
    title = f"A price rose: {risen[0]['product_name']}, product {key}"
    show_table(title, ["price", "from", "until"], [[str(v["price"]), *from_until(v)] for v in risen])
    moments = [_at_15(rise["valid_from"], days) for days in (-1, 1)]
    for moment in moments:
        answer = state_at(lake, subject, {"product_id": key}, moment)
        price = "not there" if answer.found is None else f"{answer.found.row['price']}"
        say(f"At {moment_text(moment)} its price was {price}.")
    say()
    return [f'as-of products {key} "{moments[0]:%Y-%m-%d %H:%M}"']


def _has_risen(versions: list[Version]) -> bool:
    """True if a product's first change is a price that rose to less than its triple, and it existed at 15:00 of the day before."""
    if len(versions) < 2:
        return False
    first, second = versions[:2]
    rises = first["price"] < second["price"] < 3 * first["price"]
    return bool(rises and first["valid_from"] <= _at_15(second["valid_from"], -1))


def _at_15(moment: datetime, days: int) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days) + AFTERNOON


def _versions_by_key(lake: Lake, subject: Subject, columns: list[str]) -> dict[int, list[Version]]:
    versions: dict[int, list[Version]] = {}
    for version in read_versions(lake, subject, columns):
        versions.setdefault(version[subject.latest.key[0]], []).append(version)
    return versions
