"""All frame gates as one query: counts, the rows that are shown, and their order.

Covers: spark_jobs.transforms.gates.*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chispa import assert_df_equality
from support.gate_rows import (
    CUP,
    CUSTOMERS,
    DATES,
    DAYS,
    FACTS,
    GATE,
    ITEMS,
    MONDAY,
    MOVED,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
    TUESDAY,
    WEDNESDAY,
    at,
    frame,
    item,
    line,
    money,
    on_tuesday,
    order,
    payment,
)

from spark_jobs.transforms.gates.non_negative_money import non_negative_money
from spark_jobs.transforms.gates.order_totals import order_totals
from spark_jobs.transforms.gates.referential_integrity import referential_integrity
from spark_jobs.transforms.gates.row_counts import row_counts
from spark_jobs.transforms.gates.scd2_consistency import scd2_consistency
from spark_jobs.transforms.gates.summary import summarize_gates

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SUMMARY = "gate STRING, order_date DATE, failing BIGINT, rows ARRAY<STRING>"


def all_gates(spark: SparkSession, facts: list[dict[str, Any]]) -> Any:
    lines = frame(spark, facts, FACTS)
    orders = frame(spark, [order(1, "20.00"), order(2, day=TUESDAY), order(3, day=WEDNESDAY)], ORDERS)
    items, payments = (
        frame(spark, [item(1), item(2), item(3, 2), item(4, 3)], ITEMS),
        frame(spark, [payment(1)], PAYMENTS),
    )
    customers, products = frame(spark, MOVED, CUSTOMERS), frame(spark, CUP, PRODUCTS)
    return {
        "row_counts": row_counts(lines, orders, items),
        "referential_integrity": referential_integrity(lines, payments, customers, products, frame(spark, DAYS, DATES)),
        "non_negative_money": non_negative_money(lines, payments),
        "order_totals": order_totals(lines, orders),
        "scd2_consistency": scd2_consistency(lines, customers, products),
    }


def test_all_gates_are_one_query_that_names_gate_and_date_and_is_silent_where_a_date_passes(
    spark: SparkSession,
) -> None:
    broken = [line(1, customer_key=99), on_tuesday(3, unit_price=money("-5.00"), line_total=money("-10.00"))]
    broken += [on_tuesday(4, order_id=3, date_key=20260107, order_time=at(7, 12), order_date=WEDNESDAY)]
    found = summarize_gates(all_gates(spark, broken), 3)
    expected = [
        ("row_counts", MONDAY, 1, ["order line 2: once in Silver, not in facts under 2026-01-05"]),
        ("referential_integrity", MONDAY, 1, ["order line 1: customer_key 99 is no version of customer 12"]),
        ("order_totals", MONDAY, 1, ["order 1: lines sum to 10.00, the order says 20.00"]),
        ("order_totals", TUESDAY, 1, ["order 2: lines sum to -10.00, the order says 10.00"]),
        ("non_negative_money", TUESDAY, 1,
         ["order line 3: unit_price -5.00 is below 0; line_total -10.00 is below 0"]),
    ]  # fmt: skip
    assert_df_equality(found, frame(spark, expected, SUMMARY), ignore_nullable=True, ignore_row_order=True)


def test_the_first_rows_by_name_are_shown_in_that_order_and_all_are_counted(spark: SparkSession) -> None:
    names = [f"order line {number}" for number in (3, 1, 22, 2, 10, 21, 1)]
    rows: list[tuple[Any, ...]] = [(MONDAY, name, f"detail {place}") for place, name in enumerate(names)]
    rows += [(None, "order 1", "no date"), (TUESDAY, "order 1", "a"), (TUESDAY, "order 1", "a")]
    spread = frame(spark, rows, GATE).repartition(7)
    gates = {"one": spread, "other": frame(spark, rows[:1], GATE), "passes": frame(spark, [], GATE)}
    shown = ["order line 1: detail 1", "order line 1: detail 6", "order line 10: detail 4"]
    expected = [
        ("one", MONDAY, 7, shown),
        ("one", TUESDAY, 2, ["order 1: a", "order 1: a"]),
        ("one", None, 1, ["order 1: no date"]),
        ("other", MONDAY, 1, ["order line 3: detail 0"]),
    ]
    none: list[tuple[Any, ...]] = [(gate, day, count, []) for gate, day, count, _ in expected]
    assert_df_equality(
        summarize_gates(gates, 3).union(summarize_gates(gates, 0)),
        frame(spark, [*expected, *none], SUMMARY),
        ignore_nullable=True,
        ignore_row_order=True,
    )
