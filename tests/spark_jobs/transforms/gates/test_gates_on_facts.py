"""row_counts, order_totals and non_negative_money: what passes, and every way to fail, many broken rows in one frame."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from chispa import assert_df_equality
from support.gate_rows import (
    FACTS,
    GATE,
    ITEMS,
    MONDAY,
    ORDERS,
    PAYMENTS,
    TUESDAY,
    WEDNESDAY,
    frame,
    item,
    line,
    money,
    on_tuesday,
    order,
    payment,
    told,
)

from spark_jobs.transforms.gates.non_negative_money import non_negative_money
from spark_jobs.transforms.gates.order_totals import order_totals
from spark_jobs.transforms.gates.row_counts import row_counts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOOD_FACTS = [line(1), line(2), on_tuesday(3)]
GOOD_ORDERS = [order(1, "20.00"), order(2, day=TUESDAY), order(3, "0.00", WEDNESDAY)]
GOOD_ITEMS = [item(1), item(2), item(3, 2)]


def test_facts_that_hold_each_live_line_of_a_live_order_once_pass(spark: SparkSession) -> None:
    of_no_order = item(99, 77)
    found = row_counts(
        frame(spark, GOOD_FACTS, FACTS),
        frame(spark, GOOD_ORDERS, ORDERS),
        frame(spark, [*GOOD_ITEMS, of_no_order], ITEMS),
    )
    assert_df_equality(found, frame(spark, [], GATE), ignore_nullable=True)


def test_lines_that_are_missing_doubled_left_over_or_misplaced_are_named_under_each_date_that_they_concern(
    spark: SparkSession,
) -> None:
    facts = [
        line(1),
        *[line(2), line(2)],
        line(3),
        on_tuesday(5),
        line(6),
        *[on_tuesday(7), line(7)],
        *[line(8), on_tuesday(8), on_tuesday(8, order_date=WEDNESDAY)],
        *[line(None), line(None)],
        line(10, order_date=None),
        *[on_tuesday(12), on_tuesday(12)],
    ]
    orders = [order(1), order(2, day=TUESDAY), order(3, day=WEDNESDAY)]
    items = [item(1), item(2), item(4), item(5), item(6, 2), item(7), item(8), item(9, 3), item(10)]
    items += [item(11, 3), item(11, 3), item(12)]
    found = told(row_counts(frame(spark, facts, FACTS), frame(spark, orders, ORDERS), frame(spark, items, ITEMS)))
    assert found == sorted(
        [
            (MONDAY, "order line 2", "once in Silver, 2 times in facts under 2026-01-05"),
            (MONDAY, "order line 3", "not in Silver, once in facts under 2026-01-05"),
            (MONDAY, "order line 4", "once in Silver, not in facts under 2026-01-05"),
            *[(day, "order line 5", "under 2026-01-06 in facts, its order is of 2026-01-05") for day in (MONDAY, TUESDAY)],
            *[(day, "order line 6", "under 2026-01-05 in facts, its order is of 2026-01-06") for day in (MONDAY, TUESDAY)],
            (TUESDAY, "order line 7", "not in Silver, once in facts under 2026-01-06"),
            *[(day, "order line 8", f"not in Silver, once in facts under {day}") for day in (TUESDAY, WEDNESDAY)],
            (WEDNESDAY, "order line 9", "once in Silver, not in facts under 2026-01-07"),
            *[(day, "order line 10", "under null in facts, its order is of 2026-01-05") for day in (None, MONDAY)],
            (WEDNESDAY, "order line 11", "2 times in Silver, not in facts under 2026-01-07"),
            (MONDAY, "order line null", "not in Silver, 2 times in facts under 2026-01-05"),
            (MONDAY, "order line 12", "once in Silver, not in facts under 2026-01-05"),
            (TUESDAY, "order line 12", "not in Silver, 2 times in facts under 2026-01-06"),
        ],
        key=str,
    )  # fmt: skip


def test_without_orders_every_fact_is_left_over_and_without_facts_every_line_is_missing(spark: SparkSession) -> None:
    none = frame(spark, [], FACTS), frame(spark, [], ORDERS), frame(spark, [], ITEMS)
    all_of = frame(spark, GOOD_FACTS, FACTS), frame(spark, GOOD_ORDERS, ORDERS), frame(spark, GOOD_ITEMS, ITEMS)
    nothing = row_counts(*none)
    left_over, missing = row_counts(all_of[0], *none[1:]), row_counts(none[0], *all_of[1:])
    found = told(nothing.union(left_over).union(missing))
    dates = [(MONDAY, 1), (MONDAY, 2), (TUESDAY, 3)]
    ways = ("not in Silver, once in facts", "once in Silver, not in facts")
    expected = [(day, f"order line {number}", f"{way} under {day}") for day, number in dates for way in ways]
    assert found == sorted(expected, key=str)


def test_orders_that_come_to_the_sum_of_their_lines_pass(spark: SparkSession) -> None:
    found = order_totals(frame(spark, GOOD_FACTS, FACTS), frame(spark, GOOD_ORDERS, ORDERS))
    assert_df_equality(found, frame(spark, [], GATE), ignore_nullable=True)


def test_an_order_whose_lines_sum_to_something_else_is_named_with_both_sums(spark: SparkSession) -> None:
    large = [line(number, order_id=6, line_total=money("9999999999999999.99")) for number in range(10, 20)]
    facts = [
        *[line(1), line(2)],
        *[line(3, order_id=3, line_total=money("0.01")), line(4, order_id=3, line_total=money("-0.01"))],
        *[line(5, order_id=4), line(6, order_id=4, line_total=None)],
        line(7, order_id=5),
        *large,
        line(8, order_id=88),
    ]
    orders = [
        order(1, "20.01"),
        order(2, "12.00", TUESDAY),
        order(3, "0.00"),
        order(4, "10.00"),
        order(5, None),
        order(6, "9999999999999999.99"),
        order(7, None, TUESDAY),
        order(8, "-1.00", None),
    ]
    found = told(order_totals(frame(spark, facts, FACTS), frame(spark, orders, ORDERS)))
    assert found == sorted(
        [
            (MONDAY, "order 1", "lines sum to 20.00, the order says 20.01"),
            (TUESDAY, "order 2", "lines sum to 0.00, the order says 12.00"),
            (MONDAY, "order 5", "lines sum to 10.00, the order says null"),
            (MONDAY, "order 6", "lines sum to 99999999999999999.90, the order says 9999999999999999.99"),
            (TUESDAY, "order 7", "lines sum to 0.00, the order says null"),
            (None, "order 8", "lines sum to 0.00, the order says -1.00"),
        ],
        key=str,
    )


def test_money_that_is_given_not_negative_and_multiplied_right_passes(spark: SparkSession) -> None:
    free = line(3, unit_price=money("0.00"), line_total=money("0.00"))
    most = line(4, quantity=2**31 - 1, unit_price=money("0.01"), line_total=money("21474836.47"))
    payments = [payment(1), payment(2, amount=money("0.00"))]
    found = non_negative_money(frame(spark, [line(1), free, most], FACTS), frame(spark, payments, PAYMENTS))
    assert_df_equality(found, frame(spark, [], GATE), ignore_nullable=True)


def test_each_amount_that_cannot_be_is_told_all_of_a_row_together(spark: SparkSession) -> None:
    facts = [
        line(1, unit_price=money("-5.00"), line_total=money("-10.00")),
        line(2, quantity=0, line_total=money("0.00")),
        line(3, line_total=money("10.01")),
        line(4, unit_price=None),
        line(5, quantity=None, order_date=TUESDAY),
        line(6, line_total=None),
        line(7, quantity=None, unit_price=None, line_total=None, order_date=None),
        line(8, quantity=-2, unit_price=money("-5.00")),
        line(9, quantity=2**31 - 1, unit_price=money("9999999999999999.99"), line_total=money("0.00")),
    ]
    payments = [payment(1, amount=money("-0.01")), payment(2, amount=None, order_date=TUESDAY)]
    found = told(non_negative_money(frame(spark, facts, FACTS), frame(spark, payments, PAYMENTS)))
    assert found == sorted(
        [
            (MONDAY, "order line 1", "unit_price -5.00 is below 0; line_total -10.00 is below 0"),
            (MONDAY, "order line 2", "quantity 0 is below 1"),
            (MONDAY, "order line 3", "line_total 10.01 is not 2 × 5.00"),
            (MONDAY, "order line 4", "unit_price is missing"),
            (TUESDAY, "order line 5", "quantity is missing"),
            (MONDAY, "order line 6", "line_total is missing"),
            (None, "order line 7", "unit_price is missing; line_total is missing; quantity is missing"),
            (MONDAY, "order line 8", "unit_price -5.00 is below 0; quantity -2 is below 1"),
            (MONDAY, "order line 9", "line_total 0.00 is not 2147483647 × 9999999999999999.99"),
            (MONDAY, "payment 1", "amount -0.01 is below 0"),
            (TUESDAY, "payment 2", "amount is missing"),
        ],
        key=str,
    )


def test_gates_judge_as_many_dates_as_their_frames_hold(spark: SparkSession) -> None:
    dates = [date.fromordinal(MONDAY.toordinal() + number) for number in range(300)]
    facts = [line(number, order_id=number, order_date=day) for number, day in enumerate(dates)]
    orders = [order(number, "10.01", day) for number, day in enumerate(dates)]
    found = order_totals(frame(spark, facts, FACTS), frame(spark, orders, ORDERS))
    assert [row["order_date"] for row in found.orderBy("order_date").collect()] == dates
