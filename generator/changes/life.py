"""The shop's life, day by day: what happens on one, as changes of each subject in source order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.changes.agenda import Agenda
from generator.changes.change import Change, Journal
from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.customers import Customers
from generator.changes.orders import Orders
from generator.changes.products import Products

if TYPE_CHECKING:
    from generator.changes.options import ShopOptions


class Life:
    """One shop from its opening on; the same options give the same days, whatever subjects are wanted.

    It remembers who and what is there and the orders under way, and nothing of what is over.
    """

    def __init__(self, options: ShopOptions) -> None:
        self._options, self._agenda, self._day = options, Agenda(), 0
        self._journals = {name: Journal(name) for name in SHOP_SUBJECTS}
        self._customers = Customers(self._journals["customers"], self._agenda, options)
        self._products = Products(self._journals["products"], self._agenda, options)
        self._orders = Orders(self._journals, self._agenda, options, self._customers, self._products)
        # Nothing that happens to orders is felt by customers and products.
        self._has_orders = not set(options.subjects) <= {"customers", "products"}

    def next_day(self) -> dict[str, list[Change]]:
        """The changes of the next day, by subject; the opening snapshot is the beginning of day 0."""
        begin_ms, until_ms = (self._options.begin_ms(day) for day in (self._day, self._day + 1))
        if self._day == 0:
            self._customers.open(begin_ms)
            self._products.open(begin_ms)
        self._customers.plan_day(begin_ms)
        self._products.plan_day(begin_ms)
        if self._has_orders:
            self._orders.plan_day(begin_ms)
        self._agenda.run(until_ms)
        self._day += 1
        return {name: journal.taken() for name, journal in self._journals.items()}
