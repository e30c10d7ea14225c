"""A first run, all that can happen to its dates afterwards, and the run that takes it in: what is built again, what comes out.

Covers gold/run, build, staged_facts, marts and what a run reads of the last one's record.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.gold_lake import GoldWorkspace, at, on

from spark_jobs.batch.gold.record import newest_run, read_gold_state
from spark_jobs.schemas_gold import GOLD

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from spark_jobs.batch.gold.record import RunRecord

LATE, EARLY, GONE, LINE_GONE, REFUND, PRICED, MOVED_TO, QUIET = (f"2026-01-{day:02}" for day in range(5, 13))
PENDING = "2026-02-20"


@dataclass
class Story:
    """The lake after its second run, what gold held after the first, and the records of the runs."""

    workspace: GoldWorkspace
    before: dict[str, list[Any]]
    first: RunRecord
    second: RunRecord
    third: RunRecord

    def facts(self, day: str, *columns: str) -> list[Any]:
        return [
            row[1:] if columns else row
            for row in self.workspace.rows("fact_orders", "order_date", *columns)
            if row[0] == on(day)
        ]


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    workspace = GoldWorkspace.at(tmp_path_factory.mktemp("gold"))
    open_shop(workspace)
    first = workspace.run(spark, "2026-01-31")
    before = workspace.content()
    what_happens_next(workspace)
    second = workspace.run(spark, "2026-01-31")
    return Story(workspace, before, first, second, workspace.run(spark, "2026-01-31"))


def open_shop(workspace: GoldWorkspace) -> None:
    workspace.versions("customers", 1, ("2025-01-01", {"first_name": "Ada", "city": "Oslo", "segment": "new"}))
    lamp = {"category": "home", "price": Decimal(5)}
    for product in (1, 2):
        workspace.versions("products", product, ("2025-01-01", {"product_name": f"Lamp {product}", **lamp}))
    workspace.order(1, LATE, (1, "5.00"))
    workspace.order(2, EARLY, (1, "5.00"), customer=9)
    workspace.order(3, GONE, (1, "5.00"))
    workspace.order(4, GONE, (2, "7.00"))
    workspace.order(5, LINE_GONE, (1, "5.00"), (2, "7.00"))
    workspace.order(6, REFUND, (1, "5.00"))
    workspace.pay(6, 6, "5.00")
    workspace.order(7, PRICED, (1, "5.00"))
    workspace.order(8, QUIET, (2, "7.00"))
    workspace.line(999, 99, 1, "5.00")


def what_happens_next(workspace: GoldWorkspace) -> None:
    workspace.order(11, LATE, (2, "7.00"))
    workspace.versions("customers", 9, ("2025-06-01", {"first_name": "Eve", "city": "Rome", "segment": "new"}))
    workspace.put("orders", {"order_id": 3}, deleted=True)
    workspace.put("order_items", {"order_item_id": 51}, deleted=True)
    workspace.put(
        "orders",
        {
            "order_id": 5,
            "customer_id": 1,
            "order_date": at(LINE_GONE),
            "status": "delivered",
            "total_amount": Decimal(5),
        },
    )
    workspace.pay(6, 6, "5.00", "refunded", "2026-02-03")
    said = {"product_name": "Lamp 1", "category": "home"}
    workspace.versions(
        "products",
        1,
        ("2025-01-01", {**said, "price": Decimal(5)}),
        (f"{PRICED}T11:00", {**said, "price": Decimal(6)}),
        (f"{PRICED}T13:00", {**said, "price": Decimal(7)}),
    )
    workspace.order(12, PENDING, (1, "7.00"))


def test_a_first_run_publishes_every_date_that_has_an_order(story: Story) -> None:
    assert story.first.status == "published"
    assert story.first.dates_built == tuple(on(day) for day in (LATE, EARLY, GONE, LINE_GONE, REFUND, PRICED, QUIET))
    assert story.first.processed_events_count == 8 + 9 + 1


def test_only_the_dates_that_something_happened_to_are_built_again(story: Story) -> None:
    assert story.second.dates_built == tuple(on(day) for day in (LATE, EARLY, GONE, LINE_GONE, REFUND, PRICED))
    assert {gate.date for gate in story.second.gates} == set(story.second.dates_built)


def test_a_date_that_was_not_asked_for_stays_pending(story: Story) -> None:
    assert story.second.dates_pending == (on(PENDING),)
    assert story.facts(PENDING, "order_id") == []


def test_a_late_fact_takes_its_place_on_its_own_date(story: Story) -> None:
    assert story.facts(LATE, "order_id", "product_id") == [(1, 1), (11, 2)]
    assert (on(LATE), 2, Decimal("12.00")) in story.workspace.rows("daily_gmv", "order_date", "orders", "gmv")


def test_a_fact_before_its_dimension_points_to_an_inferred_member_and_heals(story: Story) -> None:
    inferred = [row[:3] for row in story.before["inferred_members"]]
    assert inferred == [("customer", -9, 9)]
    ((key,),) = story.facts(EARLY, "customer_key")
    assert key > 0
    assert story.workspace.rows("inferred_members") == []


def test_a_deleted_order_takes_its_facts_and_figures_along(story: Story) -> None:
    assert story.facts(GONE, "order_id") == [(4,)]
    assert (on(GONE), Decimal("7.00")) in story.workspace.rows("daily_gmv", "order_date", "gmv")


def test_a_deleted_line_is_no_fact_any_more(story: Story) -> None:
    assert story.facts(LINE_GONE, "order_item_id") == [(50,)]


def test_a_refund_after_the_months_end_changes_the_date_of_its_order(story: Story) -> None:
    rates = dict(story.workspace.rows("refund_rate", "order_date", "refund_rate"))
    assert rates == {on(REFUND): Decimal("1.000000")}
    before = {row[0]: row[-1] for row in story.before["refund_rate"]}
    assert before == {on(REFUND): Decimal("0.000000")}
    assert (1, Decimal("5.00")) in story.workspace.rows("customer_lifetime_value", "customer_id", "refunded_amount")


def test_a_product_that_changed_twice_on_the_day_of_an_order_is_that_of_the_moment(story: Story) -> None:
    ((key,),) = story.facts(PRICED, "product_key")
    table = story.workspace.workspace.lake.history(story.workspace.workspace.subject("products"))
    assert table is not None
    (version,) = [row for row in story.workspace.workspace.rows(table) if row["product_key"] == key]
    assert (version["version"], version["price"]) == (2, Decimal("6.00"))
    changes = story.workspace.rows("price_volatility", "product_id", "price_changes", "opening_price", "closing_price")
    assert changes == [(1, 2, Decimal("5.00"), Decimal("7.00"))]


def test_what_waits_for_its_order_is_named_and_counted(story: Story) -> None:
    assert story.workspace.rows("waiting_facts") == [
        (3, "line", 30, Decimal("5.00")),
        (99, "line", 999, Decimal("5.00")),
    ]
    assert (story.first.waiting_lines, story.second.waiting_lines, story.third.waiting_lines) == (1, 2, 2)


def test_a_run_that_finds_nothing_changed_commits_its_record_alone(story: Story) -> None:
    assert story.third.status == "unchanged"
    assert (story.third.dates_built, dict(story.third.rows_written)) == ((), {})
    assert story.third.output_row_counts == story.second.output_row_counts
    row = newest_run(story.workspace.workspace.lake)
    assert row is not None
    assert (row["run_number"], row["run_id"]) == (3, story.third.run_id)


def test_the_record_counts_rows_by_layer_and_is_a_file_too(story: Story) -> None:
    plain = story.second.to_json()
    assert plain["output_row_counts"]["gold"]["fact_orders"] == 8
    assert plain["output_row_counts"]["silver"]["orders"] == 10
    assert set(plain["output_row_counts"]) == {"bronze", "gold", "silver"}
    assert (story.workspace.workspace.settings.lake.logs / "gold" / f"{story.second.run_id}.json").exists()
    assert plain["runtime_seconds"] > 0


def test_gold_made_afresh_has_the_same_content_as_gold_kept_up_to_date(
    story: Story, spark: SparkSession, tmp_path: Path
) -> None:
    afresh = GoldWorkspace.at(tmp_path)
    shutil.copytree(story.workspace.workspace.lake.root, afresh.workspace.lake.root)
    for name in GOLD:
        shutil.rmtree(afresh.workspace.lake.gold(name).path, ignore_errors=True)
    shutil.rmtree(afresh.workspace.lake.runs.path)
    record = afresh.run(spark, "2026-01-31")
    assert (record.run_number, record.dates_pending) == (1, (on(PENDING),))
    assert afresh.content() == story.workspace.content()


def test_where_a_table_of_gold_is_gone_everything_is_built_again(story: Story, tmp_path: Path) -> None:
    broken = GoldWorkspace.at(tmp_path)
    shutil.copytree(story.workspace.workspace.lake.root, broken.workspace.lake.root)
    assert read_gold_state(broken.workspace.lake).inputs == story.third.inputs
    shutil.rmtree(broken.workspace.lake.gold("daily_error_rate").path)
    assert (read_gold_state(broken.workspace.lake).inputs, read_gold_state(broken.workspace.lake).run_number) == ({}, 3)
