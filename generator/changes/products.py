"""The products: prices rise and fall, costs change, wording is edited, some go and others come."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from generator.changes.agenda import Agenda, Pool, hour_of_day, times
from generator.shop import CATEGORIES, price_text

if TYPE_CHECKING:
    from generator.changes.change import Journal, Row
    from generator.changes.options import ShopOptions

TURNOVER = 0.002  # of the products go in a day, and as many come
KEPT_BY_OLD_SYSTEM = 10  # one product of so many is written in version 1 until it is taken over
TAKEN_OVER = 0.15

ADJECTIVES = ("Light", "Solid", "Quiet", "Bright", "Soft", "Classic", "Compact", "Noble")
NOUNS = ("Lamp", "Jacket", "Kettle", "Novel", "Racket", "Headset", "Blanket", "Puzzle", "Bowl", "Trainer")
BRANDS = ("Nordlicht", "Acme", "Kōbō", "Belle Époque", "Umbra", "")
WORDING = ("now in stock", "a favourite of many", "made to last", "back again", "new colours")
CHANGES = {"price": 0.50, "cost": 0.20, "wording": 0.20, "nothing": 0.10}


class Products:
    """What the shop sells now, and the log of how it came about. ``cents`` has the price of each at this moment."""

    def __init__(self, journal: Journal, agenda: Agenda, options: ShopOptions) -> None:
        self.pool = Pool()
        self.cents: dict[int, int] = {}
        self._rows: dict[int, Row] = {}
        self._old: set[int] = set()
        self._next = 1
        self._journal, self._agenda, self._options = journal, agenda, options
        self._rng = Random(f"{options.seed}/products")

    def open(self, begin_ms: int) -> None:
        """The snapshot of what is there when the shop opens."""
        for _ in range(self._options.products):
            self._enter("r", begin_ms)

    def plan_day(self, begin_ms: int) -> None:
        """Put the day's changes on the agenda; as many products come as go."""
        rng, options = self._rng, self._options
        counts = (
            (self._come, times(rng, options.products * TURNOVER)),
            (self._change, times(rng, len(self.pool) * options.churn)),
            (self._go, times(rng, len(self.pool) * TURNOVER)),
        )
        for action, count in counts:
            for _ in range(count):
                self._agenda.at(begin_ms + int(hour_of_day(rng) * options.day_ms), action)

    def _come(self, moment_ms: int) -> None:
        self._enter("c", moment_ms)

    def _enter(self, op: str, moment_ms: int) -> None:
        number, self._next = self._next, self._next + 1
        if number % KEPT_BY_OLD_SYSTEM == 7:
            self._old.add(number)
        self.pool.add(number)
        self._rows[number] = self._new_row(number)
        self._write(op, moment_ms, number)

    def _write(self, op: str, moment_ms: int, number: int) -> None:
        self._journal.write(op, moment_ms, self._rows[number], version=1 if number in self._old else 2)

    def _change(self, moment_ms: int) -> None:
        rng, number = self._rng, self.pool.pick(self._rng)
        if number in self._old and rng.random() < TAKEN_OVER:
            self._old.remove(number)
        (kind,) = rng.choices(tuple(CHANGES), tuple(CHANGES.values()))
        self._rows[number] = self._rows[number] | self._changed(kind, number)
        self._write("u", moment_ms, number)

    def _changed(self, kind: str, number: int) -> Row:
        """The new values; "nothing" is an update that changes nothing."""
        rng, cents = self._rng, self.cents[number]
        if kind == "price":
            self.cents[number] = max(1, int(cents * rng.choice((0.75, 0.85, 0.9, 0.95, 1.04, 1.08, 1.15, 1.25))))
            return {"price": price_text(self.cents[number])}
        if kind == "cost":
            return {"cost": price_text(int(cents * (0.4 + 0.4 * rng.random())))}
        return (
            {"description": f"{self._rows[number]['product_name']}: {rng.choice(WORDING)}"} if kind == "wording" else {}
        )

    def _go(self, moment_ms: int) -> None:
        if len(self.pool) < 2:
            return
        number = self.pool.pick(self._rng)
        self._write("d", moment_ms, number)
        self.pool.remove(number)
        self._old.discard(number)
        del self._rows[number], self.cents[number]

    def _new_row(self, number: int) -> Row:
        rng = self._rng
        category = rng.choice(CATEGORIES)
        self.cents[number] = cents = int(category.low * (category.high / category.low) ** rng.betavariate(2, 4))
        return {
            "product_id": str(number),
            "product_name": f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {number}",
            "category": category.name,
            "brand": rng.choice(BRANDS),
            "price": price_text(cents),
            "cost": price_text(int(cents * (0.4 + 0.4 * rng.random()))),
            "description": "",
        }
