"""The marts of customers and prices: a handful of rows, and what comes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.mart_rows import CUSTOMERS, PRODUCTS, day, fact, facts, frame, payment, payments, told, version

from spark_jobs.schemas_gold import BASIC_RETENTION, CUSTOMER_LIFETIME_VALUE, CUSTOMER_SEGMENTS, PRICE_VOLATILITY
from spark_jobs.transforms.marts.basic_retention import basic_retention
from spark_jobs.transforms.marts.customer_lifetime_value import customer_lifetime_value
from spark_jobs.transforms.marts.customer_segments import customer_segments
from spark_jobs.transforms.marts.price_volatility import price_volatility

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.usefixtures("interpreted")
ONE = Decimal("1.000000")


def money(text: str) -> Decimal:
    return Decimal(text)


def test_a_cohort_is_counted_in_months_of_the_calendar(spark: SparkSession) -> None:
    rows = [
        # the last moment of January, and the first of February: a month apart
        fact(1, "2026-01-31", customer_id=1),
        fact(2, "2026-02-01", customer_id=1),
        fact(3, "2026-02-28", customer_id=1),
        # a year and a month
        fact(4, "2026-01-01", customer_id=2),
        fact(5, "2027-02-01", customer_id=2),
        fact(6, "2026-01-15", customer_id=3),
        # only cancelled: no customer of any cohort; cancelled first: the cohort of the first that was not
        fact(7, "2026-01-15", customer_id=4, status="cancelled"),
        fact(8, "2026-01-15", customer_id=5, status="cancelled"),
        fact(9, "2026-03-15", customer_id=5),
        # a cancelled order makes no one active
        fact(10, "2026-04-15", customer_id=3, status="cancelled"),
    ]
    january, march = day("2026-01-01"), day("2026-03-01")
    assert told(basic_retention(facts(spark, *rows)), BASIC_RETENTION) == [
        (january, 0, 3, 3, ONE),
        (january, 1, 3, 1, money("0.333333")),
        (january, 13, 3, 1, money("0.333333")),
        (march, 0, 1, 1, ONE),
    ]
    assert told(basic_retention(facts(spark)), BASIC_RETENTION) == []


def test_a_customers_value_is_what_they_bought_less_what_was_paid_back_for_it(spark: SparkSession) -> None:
    rows = [
        fact(1, "2026-01-31", "10.00", customer_id=1, quantity=3),
        fact(1, "2026-01-31", "0.05", customer_id=1),
        fact(2, "2026-02-01", "10.00", customer_id=1),
        fact(3, "2026-02-02", "77.00", customer_id=1, status="cancelled"),
        fact(4, "2026-02-02", "5.00", customer_id=2),
        fact(5, "2026-02-02", "5.00", customer_id=3, status="cancelled"),
        fact(6, "2026-02-03", "0.00", customer_id=4),
    ]
    paid = [
        payment(1, "2026-01-31", "refunded", "4.00", customer_id=1),
        payment(1, "2026-01-31", "refunded", "1.00", customer_id=1),
        payment(2, "2026-02-01", "captured", "10.00", customer_id=1),
        payment(3, "2026-02-02", "refunded", "77.00", customer_id=1),
        payment(4, "2026-02-02", "refunded", "6.00", customer_id=2),
        payment(5, "2026-02-02", "refunded", "5.00", customer_id=3),
        payment(99, "2026-02-02", "refunded", "1.00", customer_id=1),
    ]
    first, second, third = day("2026-01-31"), day("2026-02-01"), day("2026-02-02")
    values = customer_lifetime_value(facts(spark, *rows), payments(spark, *paid))
    assert told(values, CUSTOMER_LIFETIME_VALUE) == [
        (1, first, second, 2, 5, money("20.05"), money("5.00"), money("15.05"), money("10.03")),
        (2, third, third, 1, 1, money("5.00"), money("6.00"), money("-1.00"), money("5.00")),
        (4, day("2026-02-03"), day("2026-02-03"), 1, 1, money("0.00"), money("0.00"), money("0.00"), money("0.00")),
    ]


def customer(customer_id: int, segment: str | None, *, is_current: bool = True) -> dict[str, object]:
    return {"customer_id": customer_id, "segment": segment, "is_current": is_current}


def test_customers_are_scored_against_each_other_and_equals_alike(spark: SparkSession) -> None:
    rows = [
        *[fact(10 + number, "2026-03-01", "100.00", customer_id=1) for number in range(4)],
        *[fact(20 + number, "2026-02-20", "10.00", customer_id=2) for number in range(4)],
        fact(30, "2026-02-28", "5.00", customer_id=3),
        fact(40, "2026-01-01", "350.00", customer_id=4),
        fact(50, "2026-01-01", "1.00", customer_id=5),
        fact(60, "2026-03-02", "1.00", customer_id=6, status="cancelled"),
    ]
    known = [
        customer(1, "new", is_current=False),
        customer(1, "premium"),
        customer(2, None),
        customer(3, "at-risk", is_current=False),
        customer(6, "new"),
    ]
    segments = customer_segments(facts(spark, *rows), payments(spark), frame(spark, CUSTOMERS, known))
    last = day("2026-03-02")
    assert told(segments, CUSTOMER_SEGMENTS) == [
        (1, last, 1, 4, money("400.00"), 5, 4, 5, "champions", "premium"),
        (2, last, 10, 4, money("40.00"), 3, 4, 3, "loyal", None),
        (3, last, 2, 1, money("5.00"), 4, 1, 2, "new", None),
        (4, last, 60, 1, money("350.00"), 1, 1, 4, "at_risk", None),
        (5, last, 60, 1, money("1.00"), 1, 1, 1, "lost", None),
    ]


def test_where_all_are_alike_no_one_is_lost(spark: SparkSession) -> None:
    rows = [fact(number, "2026-03-01", customer_id=number) for number in range(1, 8)]
    nobody = frame(spark, CUSTOMERS, [])
    segments = told(customer_segments(facts(spark, *rows), payments(spark), nobody), CUSTOMER_SEGMENTS)
    same = (day("2026-03-01"), 0, 1, money("10.00"), 1, 1, 1, "regular", None)
    assert segments == [(number, *same) for number in range(1, 8)]
    alone = told(customer_segments(facts(spark, rows[0]), payments(spark), nobody), CUSTOMER_SEGMENTS)
    assert alone == [(1, *same)]


def test_a_month_has_the_prices_that_were_in_force_in_it(spark: SparkSession) -> None:
    feb, march = "2026-02-01", "2026-03-01"
    rows = [
        # 1: the opening price and two new ones; the last day's last moment is still February
        version(1, "2025-12-24", "1.00", "2026-02-10"),
        version(1, "2026-02-10", "2.00", "2026-02-28T23:59:59.999999"),
        version(1, "2026-02-28T23:59:59.999999", "3.00"),
        # 2: begins in the month, so nothing was in force before; zero is a price
        version(2, "2026-02-05", "0.00", "2026-02-06"),
        version(2, "2026-02-06", "1.00"),
        # 3: a change with the month's first moment: the price before was in force in no moment of it
        version(3, "2026-01-05", "9.00", feb),
        version(3, feb, "4.00"),
        # 4: one price, only a name that changes
        version(4, "2026-01-05", "9.00", "2026-02-05"),
        version(4, "2026-02-05", "9.00"),
        # 5: gone over the turn of the month and back at the price of before, which is no change; then a change, then gone
        version(5, "2026-01-05", "2.00", "2026-01-20"),
        version(5, "2026-02-05", "2.00", "2026-02-10"),
        version(5, "2026-02-10", "4.00", "2026-02-20"),
        # 6: back at another price is a change; the price to which it goes back within the month counts again
        version(6, "2026-01-05", "2.00", "2026-01-20"),
        version(6, "2026-02-05", "4.00", "2026-02-06"),
        version(6, "2026-02-06", "2.00", "2026-02-07"),
        version(6, "2026-02-07", "2.00", march, product_name="renamed"),
        version(6, march, "2.00"),
        # 7: nothing but zero is in force in the month, so there is no share of an average
        version(7, "2026-01-05", "0.01", feb),
        version(7, feb, "0.00"),
    ]
    month = day(feb)
    amounts: list[tuple[Any, ...]] = [
        (1, "since 2026-02-28T23:59:59.999999", 2, "1.00", "3.00", "1.00", "3.00", "2.000000", "0.408248"),
        (2, "since 2026-02-06", 1, None, "1.00", "0.00", "1.00", "0.500000", "1.000000"),
        (3, "since 2026-02-01", 1, "4.00", "4.00", "4.00", "4.00", "4.000000", "0.000000"),
        (5, "since 2026-02-10", 1, None, None, "2.00", "4.00", "3.000000", "0.333333"),
        (6, "renamed", 2, None, "2.00", "2.00", "4.00", "3.000000", "0.333333"),
        (7, "since 2026-02-01", 1, "0.00", "0.00", "0.00", "0.00", "0.000000", None),
    ]
    want = [(number, month, *rest[:2], *[text and money(text) for text in rest[2:]]) for number, *rest in amounts]
    assert told(price_volatility(frame(spark, PRODUCTS, rows)), PRICE_VOLATILITY) == want


def test_volatility_is_rounded_half_up_and_too_large_an_average_is_null(spark: SparkSession) -> None:
    rows = [
        # 1,999,999 and 2,000,001: deviation 1 of 2,000,000 is 0.0000005
        version(1, "2026-01-01", "1999999.00", "2026-02-10"),
        version(1, "2026-02-10", "2000001.00"),
        version(2, "2026-01-01", "9999999999999999.99", "2026-02-10"),
        version(2, "2026-02-10", "0.00"),
    ]
    found = told(price_volatility(frame(spark, PRODUCTS, rows)), PRICE_VOLATILITY)
    assert [row[-2:] for row in found] == [(money("2000000.000000"), money("0.000001")), (None, ONE)]
    assert told(price_volatility(frame(spark, PRODUCTS, [])), PRICE_VOLATILITY) == []
