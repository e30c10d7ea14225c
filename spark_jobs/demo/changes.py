"""The demo's second half: a customer who moved, and a product whose price rose, found in the lake and asked for by time."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import moment_text
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.reduced_changes import EFFECTS
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.queries.books import Books

Version = dict[str, Any]
AFTERNOON = timedelta(hours=15)


def show_effects(books: Sequence[Books]) -> None:
    """What the accepted changes did, a line a batch."""
    rows = [[b.subject, b.accepted, "=", *[b.effects[name] for name in EFFECTS]] for b in books if b.effects]
    show_table("What the accepted changes did", ["entity", "accepted", "", *EFFECTS], rows)


def show_past(lake: Lake, registry: Registry) -> list[str]:
    """Tell both stories; the commands that ask for the same."""
    return [*_show_moved(lake, registry), *_show_price(lake, registry)]


def _show_moved(lake: Lake, registry: Registry) -> list[str]:
    """Where a customer lived when an order of theirs was placed, who lives elsewhere now."""
    subject = registry.subject("customers")
    versions = _versions(lake, registry, "customers", ["customer_id", "first_name", "last_name", "city"])
    orders = all_rows(lake.current(registry.subject("orders")), ["order_id", "customer_id", "order_date", "_deleted"])
    found = _order_before_a_move(versions, orders.filter(pc.invert(orders["_deleted"])).to_pylist())
    if found is None:
        return []
    customer, order = found
    key, placed = customer[0]["customer_id"], order["order_date"]
    name = f"{customer[0]['first_name']} {customer[0]['last_name']}"
    show_table(
        f"A customer moved: {name}, customer {key}", ["city", "from", "until"], [_line(v, "city") for v in customer]
    )
    then = state_at(lake, subject, {"customer_id": key}, placed)
    assert then.found is not None
    home = f"{then.found.row['address']}, {then.found.row['city']}, {then.found.row['country']}"
    say(
        f"Order {order['order_id']} was placed at {moment_text(placed)}: the customer lived at {home}, "
        f"and lives in {customer[-1]['city']} now."
    )
    say()
    return [f'tally as-of customers {key} "{placed:%Y-%m-%d %H:%M:%S}"']


def _order_before_a_move(
    versions: dict[int, list[Version]], orders: list[dict[str, Any]]
) -> tuple[list[Version], dict[str, Any]] | None:
    """The first order, by number, that was placed while its customer lived in another city than now."""
    for order in sorted(orders, key=lambda each: int(each["order_id"])):
        lived = versions.get(order["customer_id"], [])
        then = [v for v in lived if v["valid_from"] <= order["order_date"] < v["valid_to"]]
        if then and lived[-1]["valid_to"] == OPEN and then[0]["city"] != lived[-1]["city"]:
            return lived, order
    return None


def _show_price(lake: Lake, registry: Registry) -> list[str]:
    """A product's price at 15:00 of the day before its price rose, and of the day after."""
    subject = registry.subject("products")
    versions = _versions(lake, registry, "products", ["product_id", "product_name", "price"])
    risen = next((found for _, found in sorted(versions.items()) if _has_risen(found)), None)
    if risen is None:
        return []
    key = risen[0]["product_id"]
    rise = next(after for before, after in pairwise(risen) if after["price"] > before["price"])
    title = f"A price rose: {risen[0]['product_name']}, product {key}"
    show_table(title, ["price", "from", "until"], [_line(v, "price") for v in risen])
    moments = [_at_15(rise["valid_from"], days) for days in (-1, 1)]
    for moment in moments:
        told = state_at(lake, subject, {"product_id": key}, moment)
        price = "not there" if told.found is None else f"{told.found.row['price']}"
        say(f"At {moment_text(moment)} its price was {price}.")
    say()
    return [f'tally as-of products {key} "{moments[0]:%Y-%m-%d %H:%M}"']


def _has_risen(versions: list[Version]) -> bool:
    """The first thing that happened to it is a rise in price, by less than a jump, and not before 15:00 of its second day."""
    if len(versions) < 2:
        return False
    first, second = versions[:2]
    rises = first["price"] < second["price"] < 3 * first["price"]
    return bool(rises and first["valid_from"] <= _at_15(second["valid_from"], -1))


def _at_15(moment: datetime, days: int) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days) + AFTERNOON


def _versions(lake: Lake, registry: Registry, name: str, columns: list[str]) -> dict[int, list[Version]]:
    """The history of an entity by key, in order of time."""
    subject = registry.subject(name)
    history = lake.history(subject)
    assert history is not None
    found: dict[int, list[Version]] = {}
    for row in all_rows(history, [*columns, "valid_from", "valid_to"]).sort_by("valid_from").to_pylist():
        found.setdefault(row[subject.latest.key[0]], []).append(row)
    return found


def _line(version: Version, name: str) -> list[str]:
    until = "now" if version["valid_to"] == OPEN else moment_text(version["valid_to"])
    return [str(version[name]), moment_text(version["valid_from"]), until]
