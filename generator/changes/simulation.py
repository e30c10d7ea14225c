"""The simulation of the shop, day by day: the changes of each subject in source order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.changes.change import Change, ChangeLog
from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.customers import Customers
from generator.changes.orders import Orders
from generator.changes.products import Products
from generator.changes.schedule import Schedule

if TYPE_CHECKING:
    from generator.changes.options import ShopOptions


class ShopSimulation:
    """One shop from its opening on; the same options give the same days, whatever subjects are wanted.

    It keeps the customers and products there are and the orders under way, and nothing of what is over.
    """

    def __init__(self, options: ShopOptions) -> None:
        self._options, self._schedule, self._day = options, Schedule(options.day_ms), 0
        self._logs = {name: ChangeLog(name) for name in SHOP_SUBJECTS}
        self._customers = Customers(self._logs["customers"], self._schedule, options)
        self._products = Products(self._logs["products"], self._schedule, options)
        self._orders = Orders(self._logs, self._schedule, options, self._customers, self._products)
        # Customers and products do not depend on orders.
        self._has_orders = not set(options.subjects) <= {"customers", "products"}

    def next_day(self) -> dict[str, list[Change]]:
        """Return the changes of the next day, by subject; the opening snapshot is the beginning of day 0."""
        begin_ms, until_ms = (self._options.begin_ms(day) for day in (self._day, self._day + 1))
        if self._day == 0:
            self._customers.open(begin_ms)
            self._products.open(begin_ms)
        self._customers.plan_day(begin_ms)
        self._products.plan_day(begin_ms)
        if self._has_orders:
            self._orders.plan_day(begin_ms)
        self._schedule.run(until_ms)
        self._day += 1
        return {name: log.take() for name, log in self._logs.items()}
