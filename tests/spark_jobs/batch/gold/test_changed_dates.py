"""The dates that a change affects: a small shop, one thing that happens to it, and the dates that are to be built again.

Covers gold/changed_dates and inputs.

Covers: spark_jobs.batch.gold.inputs, spark_jobs.schemas_gold.
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.gold_lake import GoldWorkspace, Row, at, on
from support.lakes import new_workspace

from spark_jobs.batch.gold.changed_dates import (
    FIELDS_OF_DATED_MARTS,
    all_dates,
    changed_dates,
    order_ids,
    released_dates,
)
from spark_jobs.batch.gold.inputs import STAR, Inputs
from spark_jobs.batch.gold.staged_facts import DIMENSION_COLUMNS
from spark_jobs.schemas_gold import GOLD
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.difference import Difference, TableVersion
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: Two orders of customer 1 and two of customer 2 on days of their own; the last of them is paid and has no line.
ONE, TWO, THREE, FOUR, BARE, FREE = (f"2026-03-{day:02}" for day in (1, 2, 3, 4, 5, 9))
LAMP = {"product_name": "Lamp", "category": "home", "price": Decimal(5)}
LINE = ("order_item_id", "order_id", "customer_id", "day", "product_id")
PAYMENT = ("payment_id", "order_id", "customer_id", "day")
ADA = {"first_name": "Ada", "city": "Oslo", "segment": "new"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> GoldWorkspace:
    """The shop as it opens, with the facts of a first run."""
    shop = GoldWorkspace.at(tmp_path_factory.mktemp("opened"))
    shop.versions("customers", 1, ("2025-01-01", ADA))
    shop.versions("customers", 2, ("2025-01-01", ADA))
    shop.versions("products", 1, ("2025-01-01", LAMP))
    shop.versions("products", 2, ("2025-01-01", LAMP))
    shop.order(1, ONE, (1, "5.00"))
    shop.order(2, TWO, (2, "5.00"))
    shop.order(3, THREE, (1, "5.00"), (2, "5.00"), customer=2)
    shop.order(4, FOUR, (2, "5.00"), customer=2)
    shop.order(5, BARE, customer=2)
    shop.pay(3, 3, "10.00")
    shop.pay(5, 5, "1.00")
    publish(shop)
    return shop


@pytest.fixture
def shop(opened: GoldWorkspace, tmp_path: Path) -> GoldWorkspace:
    """A copy of its own for each test."""
    shutil.copytree(opened.workspace.lake.root, tmp_path / "lake")
    return GoldWorkspace(new_workspace(tmp_path), opened.commits)


def publish(shop: GoldWorkspace) -> None:
    """The facts of the shop as it opens: key, order, customer, day, and a line's product."""
    lines = [(10, 1, 1, ONE, 1), (20, 2, 1, TWO, 2), (30, 3, 2, THREE, 1), (31, 3, 2, THREE, 2), (40, 4, 2, FOUR, 2)]
    payments = [(3, 3, 2, THREE), (5, 5, 2, BARE)]
    fact(shop, "fact_orders", LINE, lines)
    fact(shop, "fact_payments", PAYMENT, payments)


def fact(
    shop: GoldWorkspace, name: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]], version: int = 1
) -> None:
    table = shop.workspace.lake.gold(name)
    said = [dict(zip(columns, row, strict=True)) for row in rows]
    made = [{**row, "order_time": at(row["day"]), "order_date": on(row["day"])} for row in said]
    ensure_table(table)
    plain = [{field: row.get(field) for field in table.schema.names} for row in made]
    parts = write_parts(table, pa.Table.from_pylist(plain, schema=table.schema))
    replace_once(table, parts, writer="publish", version=version)


def standing(shop: GoldWorkspace, last: Mapping[str, TableVersion] | None = None) -> Inputs:
    return Inputs.of(shop.workspace.lake, shop.workspace.registry, last or {})


def touched(shop: GoldWorkspace, happens: Callable[[GoldWorkspace], object]) -> list[str] | None:
    """The dates that are to be built again after something happened; None where that cannot be told."""
    last = standing(shop).now
    happens(shop)
    found = changed_dates(shop.workspace.lake, standing(shop, last))
    return None if found is None else sorted(map(str, found))


def again(number: int, day: str, customer: int = 1, **fields: Any) -> Row:
    """An order's row as the shop opened with it, but for these fields."""
    said = {"order_id": number, "customer_id": customer, "order_date": at(day), "status": "delivered"}
    return {**said, "total_amount": Decimal("5.00"), **fields}


@pytest.mark.parametrize(
    ("happens", "days"),
    [
        pytest.param(lambda shop: shop.order(6, FREE, (1, "5.00")), [FREE], id="an order comes"),
        pytest.param(lambda shop: shop.order(6, FREE), [FREE], id="an order without lines comes"),
        pytest.param(lambda shop: shop.order(6, TWO, (1, "5.00")), [TWO], id="a late order comes"),
        pytest.param(lambda shop: shop.put("orders", again(1, ONE, status="cancelled")), [ONE], id="its status changes"),
        pytest.param(lambda shop: shop.put("orders", again(1, ONE, customer=2)), [ONE], id="it is another customer's"),
        pytest.param(lambda shop: shop.put("orders", {"order_id": 1}, deleted=True), [ONE], id="it is deleted"),
        pytest.param(lambda shop: shop.put("orders", again(1, FREE)), [ONE, FREE], id="it is moved to another day"),
        pytest.param(
            lambda shop: shop.put("orders", again(1, ONE, order_date=at(ONE, "13:00"))), [ONE], id="it is moved on its day"
        ),
        pytest.param(lambda shop: shop.put("orders", again(1, ONE, order_date=None)), [ONE], id="its day is not known"),
        pytest.param(lambda shop: shop.put("orders", again(6, ONE, order_date=None)), [], id="one without a day comes"),
        pytest.param(lambda shop: shop.put("orders", {"order_id": 6}, deleted=True), [], id="one that never was is deleted"),
    ],
)  # fmt: skip
def test_an_order_touches_the_days_on_which_it_stands_and_stood(
    shop: GoldWorkspace, happens: Callable[[GoldWorkspace], object], days: list[str]
) -> None:
    assert touched(shop, happens) == days


@pytest.mark.parametrize(
    ("happens", "days"),
    [
        pytest.param(lambda shop: shop.line(11, 1, 2, "5.00"), [ONE], id="a line comes"),
        pytest.param(lambda shop: shop.line(10, 1, 1, "6.00"), [ONE], id="a line's price changes"),
        pytest.param(lambda shop: shop.line(10, 2, 1, "5.00"), [ONE, TWO], id="a line goes to another order"),
        pytest.param(
            lambda shop: shop.put("order_items", {"order_item_id": 10}, deleted=True), [ONE], id="a line is deleted"
        ),
        pytest.param(lambda shop: shop.line(990, 99, 1, "5.00"), [], id="a line comes before its order"),
        pytest.param(lambda shop: shop.pay(2, 2, "5.00"), [TWO], id="a payment comes"),
        pytest.param(lambda shop: shop.pay(3, 3, "10.00", "refunded", FREE), [THREE], id="a payment is refunded later"),
        pytest.param(lambda shop: shop.pay(6, 5, "1.00"), [BARE], id="an order without lines is paid"),
        pytest.param(
            lambda shop: shop.put("payments", {"payment_id": 5}, deleted=True), [BARE], id="a payment is deleted"
        ),
        pytest.param(lambda shop: shop.pay(9, 99, "5.00"), [], id="a payment comes before its order"),
    ],
)  # fmt: skip
def test_a_line_and_a_payment_touch_the_day_of_their_order(
    shop: GoldWorkspace, happens: Callable[[GoldWorkspace], object], days: list[str]
) -> None:
    assert touched(shop, happens) == days


def moves(customer: int, day: str, **fields: Any) -> Callable[[GoldWorkspace], object]:
    """A customer has another version from this day on."""
    return lambda shop: shop.versions(
        "customers", customer, ("2025-01-01", ADA), (day, {**ADA, "city": "Rome", **fields})
    )


def shows(product: int, **fields: Any) -> Callable[[GoldWorkspace], object]:
    """A product's one version says something else, under the same key."""
    return lambda shop: shop.versions("products", product, ("2025-01-01", {**LAMP, **fields}))


@pytest.mark.parametrize(
    ("happens", "days"),
    [
        pytest.param(moves(1, FREE), [], id="after all orders"),
        pytest.param(moves(2, FREE), [BARE], id="after all orders, one of them without lines"),
        pytest.param(moves(1, TWO), [TWO], id="between two orders"),
        pytest.param(moves(2, FOUR), [FOUR, BARE], id="between orders, one of them without lines"),
        pytest.param(moves(2, f"{FOUR}T12:00"), [FOUR, BARE], id="at the moment of an order"),
        pytest.param(moves(2, f"{FOUR}T12:01"), [BARE], id="right after an order"),
        pytest.param(moves(2, "2025-06-01"), [THREE, FOUR, BARE], id="before all orders"),
        pytest.param(moves(3, "2025-06-01"), [], id="of one who ordered nothing"),
        pytest.param(
            lambda shop: shop.versions("customers", 1, (TWO, ADA)), [ONE, TWO], id="the only one begins later"
        ),
        pytest.param(
            lambda shop: shop.versions("customers", 1, ("2025-01-01", {**ADA, "segment": "premium"})), [], id="same key"
        ),
    ],
)  # fmt: skip
def test_a_customers_version_touches_the_days_of_orders_that_point_to_another_one(
    shop: GoldWorkspace, happens: Callable[[GoldWorkspace], object], days: list[str]
) -> None:
    """Of an order without lines no fact tells the moment, so every change of its customer touches its day."""
    assert touched(shop, happens) == days


@pytest.mark.parametrize(
    ("happens", "days"),
    [
        pytest.param(shows(1, product_name="Lantern"), [ONE, THREE], id="it is called something else"),
        pytest.param(shows(2, category="garden"), [TWO, THREE, FOUR], id="it is of another category"),
        pytest.param(shows(1, price=Decimal(6)), [], id="a price, which no fact and no dated mart takes from it"),
        pytest.param(shows(1, brand="Lumen", description="Bright"), [], id="what gold does not show"),
        pytest.param(
            lambda shop: shop.versions("products", 2, ("2025-01-01", LAMP), (FOUR, {**LAMP, "price": Decimal(6)})),
            [FOUR],
            id="a version begins between two orders",
        ),
    ],
)  # fmt: skip
def test_a_products_version_touches_the_days_that_point_to_another_one_or_show_it(
    shop: GoldWorkspace, happens: Callable[[GoldWorkspace], object], days: list[str]
) -> None:
    assert touched(shop, happens) == days


@pytest.mark.parametrize(("renamed", "days"), [(0, [TWO, THREE]), (1, [FOUR])])
def test_a_version_holds_from_its_first_moment_until_right_before_its_last(
    shop: GoldWorkspace, renamed: int, days: list[str]
) -> None:
    """The order of the fourth day was placed in the moment in which the second version begins."""

    def versions(*names: str) -> None:
        begins = ("2025-01-01", f"{FOUR}T12:00")
        said = [{**LAMP, "product_name": name} for name in names]
        shop.versions("products", 2, *zip(begins, said, strict=True))

    versions("Lamp", "Lamp")
    assert touched(shop, lambda _: versions(*["Lamp", "Lantern"][:: 1 if renamed else -1])) == days


def test_a_dimension_that_comes_after_its_facts_touches_their_days(shop: GoldWorkspace) -> None:
    shop.order(6, FREE, (9, "5.00"), customer=9)
    fact(shop, "fact_orders", LINE, [(60, 6, 9, FREE, 9)], version=2)
    assert touched(shop, lambda shop: shop.versions("customers", 9, ("2025-01-01", ADA))) == [FREE]
    assert touched(shop, lambda shop: shop.versions("products", 9, ("2025-01-01", LAMP))) == [FREE]


def test_several_things_at_once_touch_the_days_of_each(shop: GoldWorkspace) -> None:
    def happens(shop: GoldWorkspace) -> None:
        shop.pay(1, 1, "5.00")
        shop.put("orders", again(4, FREE, customer=2))
        moves(1, TWO)(shop)

    assert touched(shop, happens) == [ONE, TWO, FOUR, FREE]


def test_what_is_written_again_as_it_was_touches_nothing(shop: GoldWorkspace) -> None:
    assert touched(shop, lambda shop: shop.put("orders", again(1, ONE))) == []
    assert touched(shop, lambda _: None) == []


def test_a_table_that_came_into_being_is_new_with_all_its_rows(shop: GoldWorkspace) -> None:
    shutil.rmtree(shop.workspace.lake.current(shop.workspace.subject("payments")).path)
    assert touched(shop, lambda shop: shop.pay(2, 2, "5.00")) == [TWO]


@pytest.mark.parametrize("name", ["orders", "payments"])
@pytest.mark.parametrize("commits", [1, 9])
def test_of_a_table_that_is_another_than_before_nothing_can_be_told(
    shop: GoldWorkspace, name: str, commits: int
) -> None:
    """Neither where it has not got as far as the one before had, nor where it has."""

    def replaced(shop: GoldWorkspace) -> None:
        gone(shop, name)
        for _ in range(commits):
            shop.order(1, ONE)
            shop.pay(1, 1, "5.00")

    assert touched(shop, replaced) is None


def gone(shop: GoldWorkspace, name: str) -> None:
    shutil.rmtree(shop.workspace.lake.current(shop.workspace.subject(name)).path)


def test_of_a_table_that_is_gone_nothing_can_be_told(shop: GoldWorkspace) -> None:
    assert touched(shop, lambda shop: gone(shop, "payments")) is None


def test_before_a_first_run_nothing_can_be_told_and_all_dates_are_meant(shop: GoldWorkspace) -> None:
    shop.order(6, FREE)
    shop.put("orders", again(7, FREE, order_date=None))
    shop.put("orders", {"order_id": 2}, deleted=True)
    inputs = standing(shop)
    assert changed_dates(shop.workspace.lake, inputs) is None
    published = {on(day) for day in (ONE, TWO, THREE, FOUR, BARE)}
    assert released_dates(shop.workspace.lake) == published
    assert all_dates(shop.workspace.lake, inputs) == published | {on(FREE)}


def test_a_lake_without_gold_has_every_order_still_to_publish(shop: GoldWorkspace) -> None:
    for name in GOLD:
        shutil.rmtree(shop.workspace.lake.gold(name).path, ignore_errors=True)
    assert touched(shop, moves(1, TWO)) == []
    assert released_dates(shop.workspace.lake) == set()


def test_a_tombstone_names_no_order() -> None:
    schema = pa.schema([("order_id", pa.int64()), ("_deleted", pa.bool_())])
    before = pa.table({"order_id": [1, 1], "_deleted": [False, False]}, schema=schema)
    after = pa.table({"order_id": pa.array([None, 2], pa.int64()), "_deleted": [True, False]}, schema=schema)
    assert order_ids([Difference(before, after)]).to_pylist() == [1, 2]


def test_each_column_that_gold_reads_of_a_dimension_is_declared_wherever_it_matters() -> None:
    """Undated marts follow every change; price is tracked, so a new one makes a new version, which is always seen."""
    of_undated_marts_or_tracked = {"customers": {"segment"}, "products": {"price"}}
    for name, columns in DIMENSION_COLUMNS.items():
        own = {column for column in columns if column in STAR[name]} - {f"{name[:-1]}_id"}
        others = {f"{name[:-1]}_{kind}" for kind in ("key", "id")} | {"valid_from", "valid_to", "is_current", "version"}
        assert set(columns) == own | others, "a column of a dimension is in DIMENSION_COLUMNS and in STAR"
        assert own == set(FIELDS_OF_DATED_MARTS[name]) | of_undated_marts_or_tracked[name], (
            "see CONTRIBUTING, A new mart"
        )
