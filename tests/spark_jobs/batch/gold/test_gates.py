"""Every gate fails on data made to break it: its date is held back, what it published stays, and mending publishes it.

Covers gold/gates and moved_facts; the gates' own rules are in transforms/gates.

Covers: spark_jobs.batch.gold.moved_facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.gold_lake import GoldWorkspace, at, on

from spark_jobs.batch.gold.gates import GATES
from spark_jobs.errors import UsageError
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import SparkSession

    from spark_jobs.batch.gold.record import GateResult, RunRecord

#: Each on a weekday of its own, so that none of the broken dates is another's usual volume.
BROKEN = {
    "non_negative_money": "2026-03-02",
    "order_totals": "2026-03-03",
    "scd2_consistency": "2026-03-04",
    "row_counts": "2026-03-05",
    "volume_anomaly": "2026-03-06",
    "referential_integrity": "2060-03-07",
}
GOOD, MOVED_FROM, MOVED_TO = "2026-03-08", "2026-02-01", "2026-02-02"


@dataclass
class Story:
    """What was published before, the run over broken data, one that accepts a gate, and one after mending."""

    workspace: GoldWorkspace
    before: dict[str, Any]
    broken: RunRecord
    facts_broken: list[Any]
    accepted: RunRecord
    mended: RunRecord
    orders: dict[str, list[int]] = field(default_factory=dict)

    def verdict(self, record: RunRecord, gate: str, day: str) -> GateResult:
        (found,) = [each for each in record.gates if (each.gate, each.date) == (gate, on(day))]
        return found


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    workspace = GoldWorkspace.at(tmp_path_factory.mktemp("gates"), GATE_VOLUME_TOLERANCE="0.4")
    open_shop(workspace)
    assert workspace.run(spark, "2060-12-31").status == "published"
    before = workspace.content()
    break_it(workspace)
    broken = workspace.run(spark, "2060-12-31")
    facts_broken = workspace.rows("fact_orders", "order_date", "order_item_id")
    accepted = workspace.run(spark, "2060-12-31", accepted=["volume_anomaly", "row_counts"])
    mend(workspace)
    return Story(
        workspace,
        before,
        broken,
        facts_broken,
        accepted,
        workspace.gold(spark).backfill(on("2026-01-01"), on("2060-12-31")),
    )


def open_shop(workspace: GoldWorkspace) -> None:
    for customer in (1, 2):
        workspace.versions("customers", customer, ("2025-01-01", {"first_name": "Ada", "city": "Oslo"}))
    workspace.versions("products", 1, ("2025-01-01", {"product_name": "Lamp", "category": "home", "price": Decimal(5)}))
    for number, day in enumerate(BROKEN.values(), 1):
        if day < "2050":
            workspace.order(number, day, (1, "5.00"), customer=2 if day == BROKEN["scd2_consistency"] else 1)
    for week in (1, 2, 3):
        workspace.order(20 + week, str(on(BROKEN["volume_anomaly"]) - timedelta(weeks=week)), (1, "5.00"))
    workspace.order(30, MOVED_FROM, (1, "5.00"))
    workspace.order(31, GOOD, (1, "5.00"))


def break_it(workspace: GoldWorkspace) -> None:
    workspace.line(10, 1, 1, "-5.00")
    workspace.put("orders", order(1, BROKEN["non_negative_money"], "-5.00"), order(2, BROKEN["order_totals"], "6.00"))
    for number in (51, 52):
        workspace.order(number, BROKEN["volume_anomaly"], (1, "5.00"))
    workspace.order(60, BROKEN["referential_integrity"], (1, "5.00"))
    overlapping(workspace)
    twice(workspace)
    workspace.put("orders", order(30, MOVED_TO, "5.00"))
    workspace.line(300, 30, 1, "4.00")
    workspace.order(32, MOVED_FROM, (1, "3.00"), total_amount=Decimal(9))
    workspace.line(300, 30, 1, "5.00")


def order(number: int, day: str, total: str) -> dict[str, Any]:
    said = {"customer_id": 1, "order_date": at(day), "status": "delivered", "total_amount": Decimal(total)}
    return {"order_id": number, **said}


def overlapping(workspace: GoldWorkspace) -> None:
    """The customer's two versions both hold from June on; the first, whose key the fact has, is left as it was."""
    workspace.versions("customers", 2, ("2025-01-01", {"city": "Oslo"}), ("2025-06-01", {"city": "Rome"}))
    table = workspace.workspace.lake.history(workspace.workspace.subject("customers"))
    assert table is not None
    rows = [row for row in workspace.workspace.rows(table) if row["customer_id"] == 2 and row["version"] == 1]
    rows[0]["valid_to"] = at("2025-07-01", "00:00")
    replace_once(
        table, write_parts(table, pa.Table.from_pylist(rows, schema=table.schema)), writer="overlap", version=1
    )


def twice(workspace: GoldWorkspace) -> None:
    """One line stands twice in Silver, which no stream would do."""
    table = workspace.workspace.lake.current(workspace.workspace.subject("order_items"))
    rows = [row for row in workspace.workspace.rows(table) if row["order_item_id"] == 40] * 2
    replace_once(table, write_parts(table, pa.Table.from_pylist(rows, schema=table.schema)), writer="twice", version=1)


def mend(workspace: GoldWorkspace) -> None:
    workspace.line(10, 1, 1, "5.00")
    workspace.put("orders", order(1, BROKEN["non_negative_money"], "5.00"), order(2, BROKEN["order_totals"], "5.00"))
    workspace.put("orders", order(32, MOVED_FROM, "3.00"), order(60, "2026-03-07", "5.00"))
    workspace.versions("customers", 2, ("2025-01-01", {"city": "Oslo"}), ("2025-06-01", {"city": "Rome"}))
    workspace.line(40, 4, 1, "5.00")


@pytest.mark.parametrize(
    ("gate", "row"),
    [
        ("non_negative_money", "order line 10: unit_price -5.00 is below 0; line_total -5.00 is below 0"),
        ("order_totals", "order 2: lines sum to 5.00, the order says 6.00"),
        (
            "scd2_consistency",
            "customer 2 version 2: begins at 2025-06-01 00:00:00, an earlier version lasts until 2025-07-01 00:00:00",
        ),
        ("row_counts", "order line 40: 2 times in Silver, 2 times in facts under 2026-03-05"),
        ("referential_integrity", "order line 600: date_key 20600307 is not in dim_date"),
    ],
)
def test_each_gate_names_the_rows_that_break_it(story: Story, gate: str, row: str) -> None:
    found = story.verdict(story.broken, gate, BROKEN[gate])
    assert found.holds_back
    assert row in found.rows


def test_an_unusual_volume_is_told_with_what_is_usual(story: Story) -> None:
    found = story.verdict(story.broken, "volume_anomaly", BROKEN["volume_anomaly"])
    assert found.holds_back
    assert found.detail == "3 orders on Friday 2026-03-06: outside of 1 to 1, as 1 are usual by 3 Fridays before"


def test_every_gate_was_seen_failing(story: Story) -> None:
    assert {gate.gate for gate in story.broken.failed} == set(GATES) == set(BROKEN)


def test_what_a_held_date_published_before_stays(story: Story) -> None:
    assert (story.broken.status, story.broken.dates_built) == ("held", ())
    held = {on(day) for day in [*BROKEN.values(), MOVED_FROM, MOVED_TO]}
    assert set(story.broken.dates_held) == held
    before = [(row[-1], row[0]) for row in story.before["fact_orders"]]
    assert story.facts_broken == sorted(before)


def test_a_line_that_moved_waits_until_its_old_date_can_let_it_go(story: Story) -> None:
    found = story.verdict(story.broken, "row_counts", MOVED_TO)
    assert found.rows == (f"order line 300: is published under {MOVED_FROM}, which stays as it is",)
    assert story.verdict(story.broken, "order_totals", MOVED_FROM).holds_back


def test_an_accepted_gate_holds_nothing_back_and_says_so(story: Story) -> None:
    found = story.verdict(story.accepted, "volume_anomaly", BROKEN["volume_anomaly"])
    assert (found.passed, found.accepted, found.holds_back) == (False, True, False)
    assert on(BROKEN["volume_anomaly"]) in story.accepted.dates_built
    assert on(BROKEN["order_totals"]) in story.accepted.dates_held


def test_no_one_can_accept_that_a_line_is_published_twice(story: Story) -> None:
    assert story.verdict(story.accepted, "row_counts", MOVED_TO).holds_back
    assert story.verdict(story.accepted, "row_counts", BROKEN["row_counts"]).accepted


def test_mended_dates_are_published_whole(story: Story) -> None:
    assert (story.mended.failed, story.mended.dates_held, story.mended.status) == ((), (), "published")
    facts = story.workspace.rows("fact_orders", "order_item_id", "order_date")
    assert [line for line, _ in facts] == sorted({line for line, _ in facts})
    assert (300, on(MOVED_TO)) in facts
    assert (600, on("2026-03-07")) in facts
    assert _dates(facts) == _dates(story.workspace.rows("daily_gmv", "gmv", "order_date"))


def _dates(rows: list[tuple[Any, date]]) -> set[date]:
    return {day for _, day in rows}


def test_a_gate_that_there_is_not_cannot_be_accepted(story: Story, spark: SparkSession) -> None:
    with pytest.raises(UsageError, match="there is no gate 'moon': the gates are row_counts, "):
        story.workspace.run(spark, "2026-01-01", accepted=["moon"])
