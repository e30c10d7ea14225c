"""Orders with their items and payments, from the cart to the door and sometimes back."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from generator.changes.agenda import Agenda, hour_of_day, times
from generator.clock import to_text
from generator.shop import price_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.changes.change import Journal, Row
    from generator.changes.customers import Customers
    from generator.changes.options import ShopOptions
    from generator.changes.products import Products

METHODS = ("card", "card", "card", "transfer", "wallet", "invoice")
MOST_LINES, MOST_PIECES = 4, 5
LONGEST_REFUND_DAYS = 35
DECLINED, GIVEN_UP, CANCELLED, CANCELLED_LATE, CORRECTED, REFUNDED, REPEATED = 0.05, 0.3, 0.04, 0.02, 0.03, 0.06, 0.02


class Order:
    """An order that something may still happen to. ``lines`` are the rows of its items, by item number."""

    __slots__ = ("lines", "payment", "row")

    def __init__(self, row: Row, lines: dict[int, Row]) -> None:
        self.row, self.lines = row, lines
        self.payment: Row = {}


class Orders:
    """Places orders of the customers there are for products there are, at their price of the moment."""

    def __init__(
        self,
        journals: Mapping[str, Journal],
        agenda: Agenda,
        options: ShopOptions,
        customers: Customers,
        products: Products,
    ) -> None:
        self._orders, self._items, self._payments = (journals[name] for name in ("orders", "order_items", "payments"))
        self._agenda, self._options, self._customers, self._products = agenda, options, customers, products
        self._rng = Random(f"{options.seed}/orders")
        self._next = {"order": 1, "item": 1, "payment": 1}

    def plan_day(self, begin_ms: int) -> None:
        """Put the day's orders on the agenda."""
        for _ in range(times(self._rng, self._options.orders / 30)):
            self._agenda.at(begin_ms + int(hour_of_day(self._rng) * self._options.day_ms), self._place)

    def _number(self, what: str) -> int:
        number = self._next[what]
        self._next[what] = number + 1
        return number

    def _after(self, moment_ms: int, low: float, high: float) -> int:
        """A moment between ``low`` and ``high`` days later."""
        days = low + (high - low) * self._rng.random()
        return moment_ms + max(1, int(days * self._options.day_ms))

    def _place(self, moment_ms: int) -> None:
        if not len(self._customers.pool):
            return
        number = self._number("order")
        lines = dict(self._line(number) for _ in range(1 + int(MOST_LINES * self._rng.random() ** 2)))
        row = {
            "order_id": str(number),
            "customer_id": str(self._customers.pool.pick(self._rng)),
            "order_date": to_text(moment_ms),
            "status": "pending",
            "total_amount": _total(lines),
        }
        order = Order(row, lines)
        self._orders.write("c", moment_ms, row)
        for line in lines.values():
            self._items.write("c", moment_ms, line)
        self._pay(moment_ms, order)

    def _line(self, order_number: int) -> tuple[int, Row]:
        number, product = self._number("item"), self._products.pool.pick(self._rng, skew=2)
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
        """Authorised, mostly; a declined payment is tried once more or the order is given up."""
        rng, declined = self._rng, self._rng.random() < DECLINED
        order.payment = {
            "payment_id": str(self._number("payment")),
            "order_id": order.row["order_id"],
            "method": rng.choice(METHODS),
            "amount": order.row["total_amount"],
            "status": "failed" if declined else "authorised",
            "paid_at": "",
        }
        self._payments.write("c", moment_ms, order.payment)
        if not declined:
            self._plan(moment_ms, order)
        elif rng.random() < GIVEN_UP:
            self._agenda.at(self._after(moment_ms, 0.01, 0.1), self._step, order, "cancelled")
        else:
            self._agenda.at(self._after(moment_ms, 0.001, 0.05), self._pay, order)

    def _plan(self, moment_ms: int, order: Order) -> None:
        """What comes of an order whose payment is authorised."""
        begun_ms, chance = self._after(moment_ms, 0.05, 0.9), self._rng.random()
        if chance < CANCELLED:
            self._agenda.at(begun_ms, self._cancel, order)
            return
        if chance > 1 - CORRECTED:
            self._agenda.at(moment_ms + (begun_ms - moment_ms) // 2, self._correct, order)
        self._agenda.at(begun_ms, self._begin, order)

    def _cancel(self, moment_ms: int, order: Order) -> None:
        """Before or after the money came: it is set free or given back."""
        given_back = order.payment["status"] == "captured"
        self._step(moment_ms, order, "cancelled")
        self._settle(moment_ms, order, {"status": "refunded" if given_back else "failed"})

    def _begin(self, moment_ms: int, order: Order) -> None:
        self._step(moment_ms, order, "processing")
        self._settle(moment_ms, order, {"status": "captured", "paid_at": to_text(moment_ms)})
        shipped_ms = self._after(moment_ms, 0.3, 2.5)
        if self._rng.random() < CANCELLED_LATE:
            self._agenda.at(shipped_ms, self._cancel, order)
            return
        delivered_ms = self._after(shipped_ms, 0.8, 4)
        self._agenda.at(shipped_ms, self._step, order, "shipped")
        self._agenda.at(delivered_ms, self._step, order, "delivered")
        if self._rng.random() < REFUNDED:
            refunded_ms = self._after(delivered_ms, 1, LONGEST_REFUND_DAYS)
            self._agenda.at(refunded_ms, self._settle, order, {"status": "refunded"})

    def _step(self, moment_ms: int, order: Order, status: str) -> None:
        """A new status; now and then the same is said once more."""
        order.row = order.row | {"status": status}
        self._orders.write("u", moment_ms, order.row, partial=True)
        if self._rng.random() < REPEATED:
            self._orders.write("u", moment_ms, order.row)

    def _settle(self, moment_ms: int, order: Order, news: Row) -> None:
        order.payment = order.payment | news
        self._payments.write("u", moment_ms, order.payment)

    def _correct(self, moment_ms: int, order: Order) -> None:
        """One line gets another quantity or is dropped, and the totals follow at the same moment."""
        number = self._rng.choice(tuple(order.lines))
        if len(order.lines) > 1 and self._rng.random() < 0.4:
            self._items.write("d", moment_ms, order.lines.pop(number))
        else:
            line = order.lines[number]
            pieces = int(line["quantity"]) + 1
            total = price_text(_cents(line["unit_price"]) * pieces)
            order.lines[number] = line | {"quantity": str(pieces), "line_total": total}
            self._items.write("u", moment_ms, order.lines[number])
        order.row = order.row | {"total_amount": _total(order.lines)}
        self._orders.write("u", moment_ms, order.row)
        self._settle(moment_ms, order, {"amount": order.row["total_amount"]})


def _cents(price: str) -> int:
    return int(price.replace(".", ""))


def _total(lines: Mapping[int, Row]) -> str:
    return price_text(sum(_cents(line["line_total"]) for line in lines.values()))
