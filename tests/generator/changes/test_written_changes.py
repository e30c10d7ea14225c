"""Written changes are as their manifests and truths say, judged by an oracle that shares nothing with the generator.

Covers changes/ as a whole: the simulation (customers, products, orders), the fault injector with its copies, late
arrivals and odd changes, layouts and files, with csvtext.py and file_faults.py.

Covers: generator.changes.arrivals, generator.changes.bad_rows, generator.changes.change, generator.changes.contracts,
generator.changes.copies, generator.changes.customers, generator.changes.fault_injector,
generator.changes.fault_table, generator.changes.layouts, generator.changes.odd_*, generator.changes.orders,
generator.changes.population, generator.changes.products, generator.changes.schedule, generator.changes.simulation,
generator.csvtext, generator.catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from support.change_contract_oracle import iso, recomputed
from support.shop_runs import ShopRun, shop

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.fault_table import faults_of
from generator.faults import Outcome
from generator.manifest import read_blocks

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> ShopRun:
    """45 days of a shop in which much goes wrong."""
    return shop(
        tmp_path_factory.mktemp("wild"), files=45, customers=300, products=200, orders=1_200, churn=0.1,
        fault_rate=0.25, duplicate_rate=0.05, late_rate=0.06,
    )  # fmt: skip


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> ShopRun:
    """60 days of a shop in which nothing goes wrong."""
    return shop(tmp_path_factory.mktemp("calm"), files=60, customers=200, products=50, orders=900, fault_rate=0)


def disagreements(run: ShopRun, subject: str) -> list[Any]:
    return [
        (row, outcome, read.reasons)
        for row, read, outcome in run.judged(subject)
        if (outcome, read.reasons) != (row.outcome, set(row.reasons))
    ]


@pytest.mark.parametrize("subject", SHOP_SUBJECTS)
def test_the_oracle_agrees_with_every_line_of_the_manifest(wild: ShopRun, calm: ShopRun, subject: str) -> None:
    assert disagreements(wild, subject) == []
    assert disagreements(calm, subject) == []
    for source, rows in wild.rows_by_file(subject).items():
        assert [row.position for row in rows] == [*range(1, len(wild.read(subject, source)) + 1)]


@pytest.mark.parametrize("subject", SHOP_SUBJECTS)
def test_every_fault_of_the_table_occurs_with_its_outcome_and_reasons(wild: ShopRun, subject: str) -> None:
    table, found = faults_of(subject), set()
    for row, _, _ in wild.judged(subject):
        if row.fault:
            found.add(row.fault)
            assert (row.outcome, row.reasons) == (table[row.fault].outcome, table[row.fault].reasons)
    kinds = {closing.kind for closing, _ in read_blocks(wild.manifest(subject))}
    assert (found | kinds) - {None} == set(table)


@pytest.mark.parametrize("subject", SHOP_SUBJECTS)
def test_the_manifest_names_the_change_id_that_the_row_carries(wild: ShopRun, subject: str) -> None:
    for row, read, _ in wild.judged(subject):
        if read.change_id and not read.reasons & {("unknown_version", "schema_version")}:
            assert row.event_id == (read.change_id if read.change_id.strip() else None)


@pytest.mark.parametrize("subject", SHOP_SUBJECTS)
def test_the_truth_is_what_the_accepted_changes_come_to(wild: ShopRun, calm: ShopRun, subject: str) -> None:
    for run in (wild, calm):
        assert run.truth(subject) == recomputed(subject, run.accepted(subject))


def test_dead_letters_have_reasons_and_no_others_have() -> None:
    for subject in SHOP_SUBJECTS:
        for fault in faults_of(subject).values():
            assert bool(fault.reasons) == (fault.outcome is Outcome.DEAD_LETTER), fault.name
            assert fault.doc


def test_without_faults_everything_is_plain_and_in_source_order(calm: ShopRun) -> None:
    assert {row.fault for subject in SHOP_SUBJECTS for row, _, _ in calm.judged(subject)} == {None}
    for subject in SHOP_SUBJECTS:
        ordered = sorted(calm.accepted(subject), key=lambda change: change.seq)
        assert [change.change_id for change in ordered] == sorted(change.change_id for change in ordered)
        assert [change.moment for change in ordered] == sorted(change.moment for change in ordered)
        assert len({change.seq for change in ordered}) == len(ordered)


def versions_at(run: ShopRun, subject: str, key: str, moment: datetime) -> list[dict[str, Any]]:
    """What the truth knows of a key at a moment."""
    at = iso(moment)
    return [
        version
        for version in run.truth(subject)[key]["versions"]
        if version["valid_from"] <= at and (version["valid_to"] is None or at < version["valid_to"])
    ]


def created(run: ShopRun, subject: str) -> list[Any]:
    return [read for read in run.accepted(subject) if read.op == "c"]


def test_an_order_is_of_a_customer_that_is_there(calm: ShopRun) -> None:
    orders = created(calm, "orders")
    assert len(orders) > 1_500
    for order in orders:
        assert len(versions_at(calm, "customers", order.row["customer_id"], order.moment)) == 1


def test_an_item_is_of_an_order_and_costs_what_the_product_costs_at_that_moment(calm: ShopRun) -> None:
    placed = {order.row["order_id"]: order.moment for order in created(calm, "orders")}
    for item in created(calm, "order_items"):
        assert placed[item.row["order_id"]] == item.moment
        (product,) = versions_at(calm, "products", item.row["product_id"], item.moment)
        assert product["price"] == item.row["unit_price"]


def test_a_payment_is_of_an_order_and_of_its_amount(calm: ShopRun) -> None:
    orders = calm.truth("orders")
    for payment in calm.truth("payments").values():
        order = orders[payment["state"]["order_id"]]["state"]
        if payment["state"]["status"] in ("captured", "refunded"):
            assert payment["state"]["amount"] == order["total_amount"]
            assert payment["state"]["paid_at"] > order["order_date"]


@pytest.mark.parametrize("rates", [{"fault_rate": 0}, {"fault_rate": 0.2, "late_rate": 0}])
def test_an_order_comes_to_the_sum_of_its_items_when_nothing_is_late(tmp_path: Path, rates: dict[str, Any]) -> None:
    run = shop(tmp_path, files=20, orders=1_500, **rates)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in run.truth("order_items").values():
        if not item["deleted"]:
            sums[item["state"]["order_id"]] += Decimal(item["state"]["line_total"])
    orders = {name: line for name, line in run.truth("orders").items() if int(name) < 8_000_000_000}
    assert len(orders) > 900
    for name, order in orders.items():
        assert Decimal(order["state"]["total_amount"]) == sums[name]


@pytest.mark.parametrize("subject", SHOP_SUBJECTS)
def test_faults_stand_beside_the_ordinary_rows_and_take_none_away(tmp_path: Path, subject: str) -> None:
    plain = shop(tmp_path / "plain", (subject,), fault_rate=0)
    faulty = shop(tmp_path / "faulty", (subject,), fault_rate=0.3, late_rate=0)
    whole = {read.change_id: read for read in plain.accepted(subject)}
    assert {read.change_id: read for read in faulty.accepted(subject, ordinary=True)} == whole


def test_the_life_of_the_shop_has_everything_in_it(calm: ShopRun) -> None:
    ops = {subject: {read.op for read in calm.accepted(subject)} for subject in SHOP_SUBJECTS}
    assert ops["customers"] == ops["products"] == {"r", "c", "u", "d"}
    assert ops["orders"] == ops["payments"] == {"c", "u"}
    assert ops["order_items"] == {"c", "u", "d"}
    assert {line["state"]["status"] for line in calm.truth("orders").values()} == {
        "pending", "processing", "shipped", "delivered", "cancelled",
    }  # fmt: skip
    assert {line["state"]["status"] for line in calm.truth("payments").values()} == {
        "authorised", "captured", "refunded", "failed",
    }  # fmt: skip
    deleted = [line for line in calm.truth("customers").values() if line["deleted"]]
    assert all(line["state"] is None and line["versions"][-1]["valid_to"] for line in deleted)
    assert deleted
    came_back = [
        line
        for line in calm.truth("customers").values()
        if any(a["valid_to"] != b["valid_from"] for a, b in pairwise(line["versions"]))
    ]
    assert came_back


def test_updates_of_orders_are_whole_in_some_files_and_name_the_status_alone_in_others(calm: ShopRun) -> None:
    updates = [read for read in calm.accepted("orders") if read.op == "u"]
    assert {read.given for read in updates} == {
        ("order_id", "status"),
        ("order_id", "customer_id", "order_date", "status", "total_amount"),
    }


def test_both_versions_stand_side_by_side(wild: ShopRun) -> None:
    for subject in ("customers", "products"):
        by_file = {source: {row.version for row in rows} for source, rows in wild.rows_by_file(subject).items()}
        assert {frozenset(versions) for versions in by_file.values()} >= {
            frozenset({1}), frozenset({2}), frozenset({1, 2}),
        }  # fmt: skip


def test_a_price_jump_is_fifty_times_the_price_and_shows_in_the_history_for_a_while(wild: ShopRun) -> None:
    jumps = [read for row, read, _ in wild.judged("products") if row.fault == "price_jump"]
    assert jumps
    for jump in jumps:
        assert wild.truth("products")[jump.row["product_id"]]["sequence"] > jump.seq


def test_a_copy_repeats_a_change_that_was_accepted_before_it(wild: ShopRun) -> None:
    for subject in SHOP_SUBJECTS:
        accepted: dict[Any, Any] = {}
        found = set()
        for row, _, outcome in wild.judged(subject):
            if outcome == "duplicate":
                found.add((row.fault, accepted[row.event_id] == row.source))
            if outcome == "accepted":
                accepted[row.event_id] = row.source
        assert found == {
            ("copy_in_file", True),
            ("copy_of_earlier_file", False),
            ("same_id_other_content", True),
            ("same_id_other_content", False),
        }


def test_late_changes_arrive_files_after_their_day(wild: ShopRun) -> None:
    for row, read, _ in wild.judged("orders"):
        written = int(row.source.split("_")[1][:6])
        happened = (read.moment - START).days if read.moment and not read.reasons else written
        if row.fault in ("late_insert", "late_update"):
            assert 1 <= written - happened <= 6
        elif row.fault is None:
            assert written == happened
