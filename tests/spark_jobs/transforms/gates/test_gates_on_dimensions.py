"""referential_integrity and scd2_consistency: what passes, and every way to fail, many broken rows in one frame."""

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
    MONDAY,
    MOVED,
    PAYMENTS,
    PRODUCTS,
    TUESDAY,
    WEDNESDAY,
    at,
    frame,
    line,
    on_tuesday,
    payment,
    told,
    version,
)

from spark_jobs.transforms.gates.referential_integrity import referential_integrity
from spark_jobs.transforms.gates.scd2_consistency import scd2_consistency
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OVERLAPPING = [version(3001, 30, 1, at(1), at(6), False), version(3002, 30, 2, at(5), OPEN, True)]


def dimensions(
    spark: SparkSession, customers: list[tuple[Any, ...]] = MOVED, products: list[tuple[Any, ...]] = CUP
) -> tuple[DataFrame, DataFrame]:
    return frame(spark, customers, CUSTOMERS), frame(spark, products, PRODUCTS)


def test_keys_of_the_version_that_holds_or_of_an_inferred_member_pass(spark: SparkSession) -> None:
    facts = [
        line(1),
        on_tuesday(2, order_time=at(6)),
        line(3, customer_id=13, customer_key=-13),
        line(4, order_time=at(1), product_id=8, product_key=-8),
        line(5, customer_id=30, customer_key=3001),
        line(6, customer_id=30, customer_key=3002),
    ]
    later = version(801, 8, 1, at(1, 1), OPEN, True)
    payments = [payment(1), payment(2, customer_key=1201), payment(3, customer_key=-12)]
    found = referential_integrity(
        frame(spark, facts, FACTS),
        frame(spark, payments, PAYMENTS),
        *dimensions(spark, [*MOVED, *OVERLAPPING], [*CUP, later]),
        frame(spark, DAYS, DATES),
    )
    assert_df_equality(found, frame(spark, [], GATE), ignore_nullable=True)


def test_keys_that_point_to_nothing_or_to_something_else_are_told_all_of_a_row_together(spark: SparkSession) -> None:
    facts = [
        line(1, date_key=20260104),
        line(2, date_key=20260106),
        line(3, date_key=None, order_date=None),
        line(4, customer_key=1202),
        on_tuesday(5, order_time=at(6), customer_key=1201),
        line(6, customer_key=99),
        line(7, customer_key=None, product_key=None),
        line(8, customer_id=30),
        line(9, customer_key=-12),
        line(10, customer_id=13, customer_key=13),
        line(11, product_key=-7, order_date=TUESDAY),
        line(12, customer_id=None, customer_key=-12),
        line(13, order_time=None, customer_id=13, customer_key=-13, product_id=8, product_key=-8),
        line(14, product_id=13, product_key=-12),
    ]
    payments = [
        payment(1, customer_key=99, order_date=TUESDAY),
        payment(2, customer_key=-13, date_key=20260108),
        payment(3, customer_key=None, customer_id=None),
        payment(4, customer_id=13, customer_key=1201),
    ]
    found = referential_integrity(
        frame(spark, facts, FACTS),
        frame(spark, payments, PAYMENTS),
        *dimensions(spark, [*MOVED, *OVERLAPPING]),
        frame(spark, DAYS, DATES),
    )
    noon, first, second = "2026-01-05 12:00:00", "2026-01-01 00:00:00", "2026-01-06 00:00:00"
    assert told(found) == sorted(
        [
            (MONDAY, "order line 1", "date_key 20260104 is not in dim_date"),
            (MONDAY, "order line 2", "date_key 20260106 is 2026-01-06, the order is of 2026-01-05"),
            (None, "order line 3", "date_key null is not in dim_date"),
            (MONDAY, "order line 4", f"customer_key 1202 holds from {second} to 9999-12-31 00:00:00, the order is of {noon}"),
            (TUESDAY, "order line 5", f"customer_key 1201 holds from {first} to {second}, the order is of {second}"),
            (MONDAY, "order line 6", "customer_key 99 is no version of customer 12"),
            (MONDAY, "order line 7", "customer_key null is no version of customer 12; product_key null is no version of product 7"),
            (MONDAY, "order line 8", "customer_key 1201 is no version of customer 30"),
            (MONDAY, "order line 9", f"customer_key -12 is inferred, yet at {noon} customer 12 has version key 1201"),
            (MONDAY, "order line 10", "customer_key 13 is no version of customer 13"),
            (TUESDAY, "order line 11", f"date_key 20260105 is 2026-01-05, the order is of 2026-01-06; "
             f"product_key -7 is inferred, yet at {noon} product 7 has version key 701"),
            (MONDAY, "order line 12", "customer_key -12 is no version of customer null"),
            (MONDAY, "order line 13", "order_time is missing"),
            (MONDAY, "order line 14", "product_key -12 is no version of product 13"),
            (TUESDAY, "payment 1", "date_key 20260105 is 2026-01-05, the order is of 2026-01-06; "
             "customer_key 99 is no version of customer 12"),
            (MONDAY, "payment 2", "date_key 20260108 is not in dim_date; customer_key -13 is no version of customer 12"),
            (MONDAY, "payment 3", "customer_key null is no version of customer null"),
            (MONDAY, "payment 4", "customer_key 1201 is no version of customer 13"),
        ],
        key=str,
    )  # fmt: skip


def test_without_dimensions_only_inferred_members_pass_but_for_their_date(spark: SparkSession) -> None:
    facts = [line(1), line(2, customer_key=-12, product_key=-7)]
    none = frame(spark, [], DATES)
    empty = dimensions(spark, [], [])
    found = referential_integrity(
        frame(spark, facts, FACTS), frame(spark, [payment(1, customer_key=-12)], PAYMENTS), *empty, none
    )
    nothing = referential_integrity(frame(spark, [], FACTS), frame(spark, [], PAYMENTS), *dimensions(spark), none)
    no_date = "date_key 20260105 is not in dim_date"
    no_keys = "customer_key 1201 is no version of customer 12; product_key 701 is no version of product 7"
    assert told(found.union(nothing)) == [
        (MONDAY, "order line 1", f"{no_date}; {no_keys}"),
        (MONDAY, "order line 2", no_date),
        (MONDAY, "payment 1", no_date),
    ]


def test_histories_that_are_one_unbroken_story_pass_also_with_a_time_of_absence_and_an_end(spark: SparkSession) -> None:
    left = [version(1301, 13, 1, at(1), at(2), False), version(1302, 13, 2, at(4), at(5), False)]
    not_asked_for = version(5001, 50, 7, at(9), at(1), None)
    facts = [line(1), line(2, customer_id=13, customer_key=1301), line(3, customer_id=99, customer_key=-99)]
    customers = [*reversed(MOVED), *left, not_asked_for]
    found = scd2_consistency(frame(spark, facts, FACTS), *dimensions(spark, customers))
    assert_df_equality(found, frame(spark, [], GATE), ignore_nullable=True)


def test_every_fault_of_a_history_is_told_of_the_version_that_has_it(spark: SparkSession) -> None:
    customers = [
        *[version(101, 1, 1, at(2), at(2), False), version(102, 1, 2, at(2), OPEN, True)],
        *[version(201, 2, 1, at(1), at(9), False), version(202, 2, 2, at(2), at(3), False), version(203, 2, 3, at(4), OPEN, True)],
        *[version(301, 3, 2, at(1), at(2), False), version(302, 3, 4, at(2), at(3), False)],
        *[version(401, 4, 2, at(1), at(2), False), version(402, 4, 1, at(2), OPEN, True)],
        *[version(501, 5, 1, at(1), at(2), True), version(502, 5, 2, at(2), OPEN, True)],
        *[version(601, 6, 1, at(1), at(2), False), version(602, 6, 2, at(2), OPEN, False)],
        version(701, 7, 1, at(1), OPEN, None),
        *[version(801, 8, 1, at(1), at(2), False), version(801, 8, 2, at(2), OPEN, True)],
        *[version(901, 9, 1, at(1), OPEN, True), version(901, 99, 1, at(1), OPEN, True)],
        version(None, 10, None, None, None, None),
        version(1101, 11, 1, at(3), at(1), False),
    ]  # fmt: skip
    facts = [line(number, customer_id=number) for number in range(1, 12)]
    found = scd2_consistency(frame(spark, facts, FACTS), *dimensions(spark, customers))
    day = "2026-01-0{} 00:00:00".format
    forever = "9999-12-31 00:00:00"
    assert told(found) == sorted(
        [
            (MONDAY, "customer 1 version 1", f"valid_from {day(2)} is not before valid_to {day(2)}"),
            (MONDAY, "customer 2 version 2", f"begins at {day(2)}, an earlier version lasts until {day(9)}"),
            (MONDAY, "customer 2 version 3", f"begins at {day(4)}, an earlier version lasts until {day(9)}"),
            (MONDAY, "customer 3 version 2", "comes as number 1 in the order of valid_from"),
            (MONDAY, "customer 3 version 4", "comes as number 2 in the order of valid_from"),
            (MONDAY, "customer 4 version 2", "comes as number 1 in the order of valid_from"),
            (MONDAY, "customer 4 version 1", "comes as number 2 in the order of valid_from"),
            (MONDAY, "customer 5 version 1", f"is_current is true, valid_to is {day(2)}; one of 2 current versions"),
            (MONDAY, "customer 5 version 2", "one of 2 current versions"),
            (MONDAY, "customer 6 version 2", f"is_current is false, valid_to is {forever}"),
            (MONDAY, "customer 7 version 1", f"is_current is null, valid_to is {forever}"),
            (MONDAY, "customer 8 version 1", "customer_key 801 is that of 2 versions"),
            (MONDAY, "customer 8 version 2", "customer_key 801 is that of 2 versions"),
            (MONDAY, "customer 9 version 1", "customer_key 901 is that of 2 versions"),
            (MONDAY, "customer 10 version null", "valid_from null is not before valid_to null; "
             "comes as number 1 in the order of valid_from; is_current is null, valid_to is null; customer_key is missing"),
            (MONDAY, "customer 11 version 1", f"valid_from {day(3)} is not before valid_to {day(1)}"),
        ],
        key=str,
    )  # fmt: skip


def test_a_fault_is_told_under_every_date_on_which_facts_name_the_member(spark: SparkSession) -> None:
    facts = [line(1), line(2), on_tuesday(3), on_tuesday(4, order_date=WEDNESDAY, product_id=8)]
    products = [version(701, 7, 2, at(1), OPEN, True), version(702, 9, 5, at(1), OPEN, True)]
    found = scd2_consistency(frame(spark, facts, FACTS), *dimensions(spark, products=products))
    nothing = scd2_consistency(frame(spark, [], FACTS), *dimensions(spark, products=products))
    detail = "comes as number 1 in the order of valid_from"
    expected = [(day, "product 7 version 2", detail) for day in (MONDAY, TUESDAY)]
    assert told(found.union(nothing)) == expected
