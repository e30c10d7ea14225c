"""The products: prices rise and fall, costs change, wording is edited, some go and others come."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.catalogue import CATEGORIES, price_text
from generator.changes.population import Population

if TYPE_CHECKING:
    from generator.changes.change import ChangeLog, Row
    from generator.changes.options import ShopOptions
    from generator.changes.schedule import Schedule

ADJECTIVES = ("Light", "Solid", "Quiet", "Bright", "Soft", "Classic", "Compact", "Noble")
NOUNS = ("Lamp", "Jacket", "Kettle", "Novel", "Racket", "Headset", "Blanket", "Puzzle", "Bowl", "Trainer")
BRANDS = ("Nordlicht", "Acme", "Kōbō", "Belle Époque", "Umbra", "")
WORDING = ("now in stock", "a favourite of many", "made to last", "back again", "new colours")
PRICE_STEPS = (0.75, 0.85, 0.9, 0.95, 1.04, 1.08, 1.15, 1.25)


class Products(Population):
    """The products there are now; as many come as go. ``cents`` has the current price of each."""

    TURNOVER = 0.002
    CHANGES = MappingProxyType({"price": 0.50, "cost": 0.20, "wording": 0.20, "nothing": 0.10})
    LEGACY_PLACE = 7
    TAKEN_OVER = 0.15

    def __init__(self, log: ChangeLog, schedule: Schedule, options: ShopOptions) -> None:
        super().__init__(log, schedule, options, size=options.products)
        self.cents: dict[int, int] = {}

    def _changed(self, kind: str, number: int) -> Row:
        if kind == "price":
            self.cents[number] = max(1, int(self.cents[number] * self._rng.choice(PRICE_STEPS)))
            return {"price": price_text(self.cents[number])}
        if kind == "cost":
            return {"cost": self._cost(number)}
        if kind == "wording":
            return {"description": f"{self._rows[number]['product_name']}: {self._rng.choice(WORDING)}"}
        return {}

    def _cost(self, number: int) -> str:
        return price_text(int(self.cents[number] * (0.4 + 0.4 * self._rng.random())))

    def _forget(self, moment_ms: int, number: int, row: Row) -> None:
        super()._forget(moment_ms, number, row)
        del self.cents[number]

    def _new_row(self, number: int, moment_ms: int, *, is_snapshot: bool) -> Row:
        rng = self._rng
        category = rng.choice(CATEGORIES)
        self.cents[number] = cents = int(category.low * (category.high / category.low) ** rng.betavariate(2, 4))
        return {
            "product_id": str(number),
            "product_name": f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {number}",
            "category": category.name,
            "brand": rng.choice(BRANDS),
            "price": price_text(cents),
            "cost": self._cost(number),
            "description": "",
        }
