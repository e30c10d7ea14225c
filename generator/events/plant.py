"""Planting a fault in a row of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.catalogue import CATEGORIES, SEGMENTS
from generator.events.paths import COUNTED_TYPES
from generator.events.shop import draw

if TYPE_CHECKING:
    import numpy as np

    from generator.events.shop import Shop
    from generator.faults import Fault, Row


def plant(fault: Fault, row: Row, shop: Shop, rng: np.random.Generator) -> Row:
    """Return the row with this fault planted; the given row stays as it is."""
    planted = _as_event(row, fault.on, shop, rng) if fault.on else dict(row)
    if fault.anonymous:
        planted |= {"user_id": "0", "user_segment": "unknown"}
    for name, value in fault.cells.items():
        planted[name] = value if isinstance(value, str) else value(planted.get(name, ""))
    return planted


def _as_event(row: Row, event_type: str, shop: Shop, rng: np.random.Generator) -> Row:
    """Return the row as a valid event of the given type by a known user, with a product and a price."""
    made = row | {"event_type": event_type, "quantity": "1" if event_type in COUNTED_TYPES else "0"}
    if made["user_id"] == "0":
        user = int(rng.integers(0, len(shop.user_ids)))
        made |= {"user_id": shop.user_ids[user], "user_segment": SEGMENTS[int(shop.user_segment[user])]}
    if not made["product_id"]:
        product = int(draw(rng, shop.product_odds, 1)[0])
        category = CATEGORIES[int(shop.product_category[product])].name
        made |= {"product_id": shop.product_ids[product], "price": shop.prices[product, 0], "category": category}
    return made
