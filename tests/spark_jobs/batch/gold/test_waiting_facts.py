"""Lines and payments that wait for their order: which, until when, and the same by steps as from all rows at once."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.gold_lake import GoldWorkspace, at, commit_prepared

from spark_jobs.batch.gold.inputs import Inputs
from spark_jobs.batch.gold.waiting_facts import update_waiting_facts
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from spark_jobs.storage.difference import TableVersion

DAY = "2026-03-01"
LINE = (1, "line", 10, Decimal("5.00"))
PAYMENT = (1, "payment", 7, Decimal("2.00"))


class Waits:
    """A shop whose waiting_facts a run after another brings up to date."""

    def __init__(self, shop: GoldWorkspace) -> None:
        self.shop = shop
        self.last: Mapping[str, TableVersion] = {}
        self.runs = 0
        self.counts = {"line": 0, "payment": 0}

    def run(self) -> list[Any]:
        """What waits after another run, in order."""
        lake = self.shop.workspace.lake
        inputs = Inputs.of(lake, self.shop.workspace.registry, self.last)
        commit, self.counts = update_waiting_facts(lake.gold("waiting_facts"), inputs)
        self.runs += 1
        if commit is not None:
            commit_prepared(lake.gold("waiting_facts"), commit, self.runs)
        self.last = inputs.now
        return self.rows()

    def rows(self) -> list[Any]:
        return self.shop.rows("waiting_facts")


@pytest.fixture
def waits(tmp_path: Path) -> Waits:
    return Waits(GoldWorkspace.at(tmp_path))


def line_and_payment(shop: GoldWorkspace) -> None:
    shop.line(10, 1, 1, "5.00")
    shop.pay(7, 1, "2.00")


def test_a_line_and_a_payment_wait_until_their_order_comes(waits: Waits) -> None:
    line_and_payment(waits.shop)
    assert waits.run() == [LINE, PAYMENT]
    assert waits.counts == {"line": 1, "payment": 1}
    waits.shop.order(1, DAY)
    assert waits.run() == []
    assert waits.counts == {"line": 0, "payment": 0}


@pytest.mark.parametrize(
    ("happens", "rows"),
    [
        pytest.param(lambda shop: shop.put("orders", {"order_id": 1}, deleted=True), [LINE, PAYMENT], id="deleted"),
        pytest.param(
            lambda shop: shop.put("orders", {"order_id": 1, "order_date": at(DAY)}), [LINE, PAYMENT], id="no customer"
        ),
        pytest.param(
            lambda shop: shop.put("orders", {"order_id": 1, "customer_id": 1}), [LINE, PAYMENT], id="no date"
        ),
        pytest.param(lambda shop: shop.order(1, "2026-04-01"), [], id="moved"),
        pytest.param(lambda shop: shop.line(10, 9, 1, "5.00"), [(9, "line", 10, Decimal("5.00"))], id="line moved"),
        pytest.param(
            lambda shop: shop.put("payments", {"payment_id": 7, "order_id": 9, "amount": Decimal(1)}),
            [(9, "payment", 7, Decimal("1.00"))],
            id="payment moved",
        ),
    ],
)  # fmt: skip
def test_what_an_order_had_waits_once_the_order_is_gone(
    waits: Waits, happens: Callable[[GoldWorkspace], object], rows: list[Any]
) -> None:
    line_and_payment(waits.shop)
    waits.shop.order(1, DAY)
    assert waits.run() == []
    happens(waits.shop)
    assert waits.run() == rows
    assert sum(waits.counts.values()) == len(rows)


def test_of_several_that_wait_only_those_of_the_order_that_came_are_facts(waits: Waits) -> None:
    for order in (1, 2):
        waits.shop.line(10 * order, order, 1, "5.00")
        waits.shop.line(10 * order + 1, order, 1, "6.00")
    assert len(waits.run()) == 4
    waits.shop.order(1, DAY)
    assert waits.run() == [(2, "line", 20, Decimal("5.00")), (2, "line", 21, Decimal("6.00"))]
    assert waits.counts == {"line": 2, "payment": 0}


def test_one_that_is_deleted_waits_no_longer(waits: Waits) -> None:
    line_and_payment(waits.shop)
    waits.run()
    waits.shop.put("order_items", {"order_item_id": 10}, deleted=True)
    assert waits.run() == [PAYMENT]
    assert waits.counts == {"line": 0, "payment": 1}


def test_nothing_changed_is_no_commit_and_the_same_counts(waits: Waits) -> None:
    line_and_payment(waits.shop)
    waits.run()
    commit, counts = update_waiting_facts(
        waits.shop.workspace.lake.gold("waiting_facts"),
        Inputs.of(waits.shop.workspace.lake, waits.shop.workspace.registry, waits.last),
    )
    assert (commit, counts) == (None, {"line": 1, "payment": 1})


def test_a_lake_without_a_row_has_nothing_that_waits(waits: Waits) -> None:
    assert waits.run() == []
    assert waits.counts == {"line": 0, "payment": 0}


@pytest.mark.parametrize("seed", range(3))
def test_step_by_step_the_same_waits_as_told_from_everything(waits: Waits, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(8):
        for _ in range(chance.randint(0, 4)):
            something(waits.shop, chance)
        stepwise = waits.run()
        counts = waits.counts
        assert stepwise == expected(waits.shop)
        assert counts == {kind: sum(row[1] == kind for row in stepwise) for kind in ("line", "payment")}


def something(shop: GoldWorkspace, chance: random.Random) -> None:
    """An order, a line or a payment of five orders comes, changes or goes."""
    order, number = chance.randint(1, 5), chance.randint(1, 6)
    if chance.random() < 0.25:
        key = chance.choice([("orders", "order_id", order), ("order_items", "order_item_id", number)])
        shop.put(key[0], {key[1]: key[2]}, deleted=True)
        return
    acts: list[Callable[[], Any]] = [
        lambda: shop.order(order, DAY),
        lambda: shop.line(number, order, 1, f"{chance.randint(1, 9)}.00"),
        lambda: shop.pay(number, order, "1.00"),
    ]
    chance.choice(acts)()


def expected(shop: GoldWorkspace) -> list[Any]:
    """In plain Python: the live lines and payments whose order is not live."""
    orders = {row["order_id"] for row in live(shop, "orders", "order_id")}
    lines = [(r["order_id"], "line", r["order_item_id"], r["line_total"]) for r in live(shop, "order_items")]
    payments = [(r["order_id"], "payment", r["payment_id"], r["amount"]) for r in live(shop, "payments")]
    return sorted(row for row in lines + payments if row[0] not in orders)


def live(shop: GoldWorkspace, subject: str, *columns: str) -> list[dict[str, Any]]:
    table = shop.workspace.lake.current(shop.workspace.subject(subject))
    plain = all_rows(table, [*(columns or shop.workspace.subject(subject).latest.field_names), "_deleted"]).to_pylist()
    return [row for row in plain if not row["_deleted"]]
