"""Orders with their items and payments, from the cart to the door and sometimes back."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from generator.catalogue import cents_of, price_text
from generator.changes.schedule import random_count
from generator.clock import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.changes.change import ChangeLog, Row
    from generator.changes.customers import Customers
    from generator.changes.options import ShopOptions
    from generator.changes.products import Products
    from generator.changes.schedule import Schedule

METHODS = ("card", "card", "card", "transfer", "wallet", "invoice")
MOST_ITEMS, MOST_PIECES = 4, 5
LONGEST_REFUND_DAYS = 35
DECLINED, GIVEN_UP, CANCELLED, CANCELLED_LATE, CORRECTED, REFUNDED, REPEATED = 0.05, 0.3, 0.04, 0.02, 0.03, 0.06, 0.02


class Order:
    """An order that something may still happen to. ``items`` are their rows, by item number."""

    __slots__ = ("items", "payment", "row")

    def __init__(self, row: Row, items: dict[int, Row]) -> None:
        self.row, self.items = row, items
        self.payment: Row = {}


class Orders:
    """Places orders of the customers there are for products there are, at their price of the moment."""

    def __init__(
        self,
        logs: Mapping[str, ChangeLog],
        schedule: Schedule,
        options: ShopOptions,
        customers: Customers,
        products: Products,
    ) -> None:
        self._orders, self._items, self._payments = (logs[name] for name in ("orders", "order_items", "payments"))
        self._schedule, self._options, self._customers, self._products = schedule, options, customers, products
        self._rng = Random(f"{options.seed}/orders")
        self._next = {"order": 1, "item": 1, "payment": 1}

    def plan_day(self, begin_ms: int) -> None:
        """Put the day's orders on the schedule."""
        count = random_count(self._rng, self._options.orders / 30)
        self._schedule.add_in_day(begin_ms, count, self._place_order, self._rng)

    def _next_number(self, sort: str) -> int:
        number = self._next[sort]
        self._next[sort] = number + 1
        return number

    def _after(self, moment_ms: int, low: float, high: float) -> int:
        """Return a moment between ``low`` and ``high`` days later."""
        days = low + (high - low) * self._rng.random()
        return moment_ms + max(1, int(days * self._options.day_ms))

    def _place_order(self, moment_ms: int) -> None:
        if not len(self._customers.pool):
            return
        number = self._next_number("order")
        items = dict(self._new_item(number) for _ in range(1 + int(MOST_ITEMS * self._rng.random() ** 2)))
        row = {
            "order_id": str(number),
            "customer_id": str(self._customers.pool.pick(self._rng)),
            "order_date": to_text(moment_ms),
            "status": "pending",
            "total_amount": _total(items),
        }
        order = Order(row, items)
        self._orders.write("c", moment_ms, row)
        for item in items.values():
            self._items.write("c", moment_ms, item)
        self._pay(moment_ms, order)

    def _new_item(self, order_number: int) -> tuple[int, Row]:
        number, product = self._next_number("item"), self._products.pool.pick(self._rng, skew=2)
        cents, pieces = self._products.cents[product], 1 + int(MOST_PIECES * self._rng.random() ** 3)
        return number, {
            "order_item_id": str(number),
            "order_id": str(order_number),
            "product_id": str(product),
            "quantity": str(pieces),
            "unit_price": price_text(cents),
            "line_total": price_text(cents * pieces),
        }

    def _pay(self, moment_ms: int, order: Order) -> None:
        """Write a payment, mostly authorised; a declined one is tried once more or the order is given up."""
        rng, declined = self._rng, self._rng.random() < DECLINED
        order.payment = {
            "payment_id": str(self._next_number("payment")),
            "order_id": order.row["order_id"],
            "method": rng.choice(METHODS),
            "amount": order.row["total_amount"],
            "status": "failed" if declined else "authorised",
            "paid_at": "",
        }
        self._payments.write("c", moment_ms, order.payment)
        if not declined:
            self._schedule_processing(moment_ms, order)
        elif rng.random() < GIVEN_UP:
            self._schedule.add(self._after(moment_ms, 0.01, 0.1), self._set_status, order, "cancelled")
        else:
            self._schedule.add(self._after(moment_ms, 0.001, 0.05), self._pay, order)

    def _schedule_processing(self, moment_ms: int, order: Order) -> None:
        """Schedule the processing of an order whose payment is authorised, or its cancellation or correction."""
        begun_ms, chance = self._after(moment_ms, 0.05, 0.9), self._rng.random()
        if chance < CANCELLED:
            self._schedule.add(begun_ms, self._cancel, order)
            return
        if chance > 1 - CORRECTED:
            self._schedule.add(moment_ms + (begun_ms - moment_ms) // 2, self._correct, order)
        self._schedule.add(begun_ms, self._process, order)

    def _cancel(self, moment_ms: int, order: Order) -> None:
        """Cancel the order; a payment that was captured is refunded, another fails."""
        is_refund = order.payment["status"] == "captured"
        self._set_status(moment_ms, order, "cancelled")
        self._update_payment(moment_ms, order, {"status": "refunded" if is_refund else "failed"})

    def _process(self, moment_ms: int, order: Order) -> None:
        self._set_status(moment_ms, order, "processing")
        self._update_payment(moment_ms, order, {"status": "captured", "paid_at": to_text(moment_ms)})
        shipped_ms = self._after(moment_ms, 0.3, 2.5)
        if self._rng.random() < CANCELLED_LATE:
            self._schedule.add(shipped_ms, self._cancel, order)
            return
        delivered_ms = self._after(shipped_ms, 0.8, 4)
        self._schedule.add(shipped_ms, self._set_status, order, "shipped")
        self._schedule.add(delivered_ms, self._set_status, order, "delivered")
        if self._rng.random() < REFUNDED:
            refunded_ms = self._after(delivered_ms, 1, LONGEST_REFUND_DAYS)
            self._schedule.add(refunded_ms, self._update_payment, order, {"status": "refunded"})

    def _set_status(self, moment_ms: int, order: Order, status: str) -> None:
        """Write a new status; now and then the same row is written once more."""
        order.row = order.row | {"status": status}
        self._orders.write("u", moment_ms, order.row, status_only=True)
        if self._rng.random() < REPEATED:
            self._orders.write("u", moment_ms, order.row)

    def _update_payment(self, moment_ms: int, order: Order, values: Row) -> None:
        order.payment = order.payment | values
        self._payments.write("u", moment_ms, order.payment)

    def _correct(self, moment_ms: int, order: Order) -> None:
        """Give one item another quantity or drop it; the totals follow at the same moment."""
        number = self._rng.choice(tuple(order.items))
        if len(order.items) > 1 and self._rng.random() < 0.4:
            self._items.write("d", moment_ms, order.items.pop(number))
        else:
            item = order.items[number]
            pieces = int(item["quantity"]) + 1
            total = price_text(cents_of(item["unit_price"]) * pieces)
            order.items[number] = item | {"quantity": str(pieces), "line_total": total}
            self._items.write("u", moment_ms, order.items[number])
        order.row = order.row | {"total_amount": _total(order.items)}
        self._orders.write("u", moment_ms, order.row)
        self._update_payment(moment_ms, order, {"amount": order.row["total_amount"]})


def _total(items: Mapping[int, Row]) -> str:
    return price_text(sum(cents_of(item["line_total"]) for item in items.values()))
