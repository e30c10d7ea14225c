"""The marts of a date: a handful of rows, and what comes of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from support.mart_rows import (
    DATED,
    ORDERS,
    PRODUCTS,
    day,
    fact,
    facts,
    frame,
    moment,
    order,
    payment,
    payments,
    told,
    version,
)

from spark_jobs.schemas import TEXT_MAP, TIMESTAMP
from spark_jobs.schemas_gold import DAILY_ERROR_RATE, DAILY_GMV, ORDERS_BY_STATUS, REFUND_RATE, TOP_PRODUCTS
from spark_jobs.transforms.marts.daily_error_rate import daily_error_rate, dead_letter_dates, error_rates
from spark_jobs.transforms.marts.daily_gmv import daily_gmv
from spark_jobs.transforms.marts.orders_by_status import orders_by_status
from spark_jobs.transforms.marts.refund_rate import refund_rate
from spark_jobs.transforms.marts.shared import quotient
from spark_jobs.transforms.marts.top_products import top_products

pytestmark = pytest.mark.usefixtures("interpreted")
JAN_30, JAN_31, FEB_1 = "2026-01-30", "2026-01-31", "2026-02-01"
LETTERS = pa.schema(
    [("subject", pa.string()), ("payload", TEXT_MAP), ("ingested_at", TIMESTAMP), ("status", pa.string())]
)


def money(text: str) -> Decimal:
    return Decimal(text)


def test_gmv_counts_an_order_of_many_lines_once_and_no_cancelled_one(spark: SparkSession) -> None:
    rows = [
        fact(1, JAN_31, "10.00", customer_id=7, quantity=2),
        fact(1, JAN_31, "0.01", customer_id=7),
        fact(2, JAN_31, "5.00", customer_id=7, status="pending"),
        fact(3, JAN_31, "99.00", customer_id=8, quantity=9, status="cancelled"),
        fact(4, FEB_1, "3.00", status="cancelled"),
        fact(5, JAN_30, "0.00"),
        fact(6, JAN_30, "0.01", status=None, customer_id=2),
    ]
    assert told(daily_gmv(facts(spark, *rows)), DAILY_GMV) == [
        (day(JAN_30), 2, 2, 2, money("0.01"), 0, money("0.00"), money("0.01")),
        (day(JAN_31), 2, 1, 4, money("15.01"), 1, money("99.00"), money("7.51")),
        (day(FEB_1), 0, 0, 0, money("0.00"), 1, money("3.00"), None),
    ]


def test_a_status_has_its_share_of_the_dates_orders(spark: SparkSession) -> None:
    rows = [order(number, JAN_31, "delivered") for number in (1, 2)]
    rows += [order(3, JAN_31, "cancelled", "7.25"), order(4, FEB_1, "cancelled", "0.00")]
    rows += [order(10 + number, JAN_30, "shipped" if number else "pending") for number in range(64)]
    assert told(orders_by_status(frame(spark, ORDERS, rows)), ORDERS_BY_STATUS) == [
        (day(JAN_30), "pending", 1, money("10.00"), money("0.015625")),
        (day(JAN_30), "shipped", 63, money("630.00"), money("0.984375")),
        (day(JAN_31), "cancelled", 1, money("7.25"), money("0.333333")),
        (day(JAN_31), "delivered", 2, money("20.00"), money("0.666667")),
        (day(FEB_1), "cancelled", 1, money("0.00"), money("1.000000")),
    ]


def test_a_refund_belongs_to_the_date_of_its_order_however_late_it_comes(spark: SparkSession) -> None:
    rows = [
        payment(1, JAN_31, "captured", "20.00"),
        payment(2, JAN_31, "refunded", "10.00", paid_at=moment("2026-02-14T09:00")),
        payment(2, JAN_31, "refunded", "0.00"),
        payment(3, JAN_31, "authorised", "50.00"),
        payment(4, JAN_31, "failed", "50.00"),
        payment(5, FEB_1, "failed"),
        payment(6, JAN_30, "captured", "0.00"),
    ]
    assert told(refund_rate(payments(spark, *rows)), REFUND_RATE) == [
        (day(JAN_30), 1, money("0.00"), 0, money("0.00"), None),
        (day(JAN_31), 2, money("30.00"), 1, money("10.00"), money("0.333333")),
        (day(FEB_1), 0, money("0.00"), 0, money("0.00"), None),
    ]


def test_products_of_equal_revenue_are_told_apart_by_units_and_then_by_their_number(spark: SparkSession) -> None:
    known = [
        version(1, "2025-01-01", "5", "2026-01-31T12:00", product_key=11, product_name="old", category="a"),
        version(1, "2026-01-31T12:00", "5", product_key=12, product_name="new", category="b"),
        version(2, "2025-01-01", "5", product_key=21, product_name="two", category="c", margin_percentage=None),
    ]
    rows = [
        fact(1, JAN_31, "10.00", product_id=1, product_key=12),
        fact(2, JAN_31, "10.00", product_id=1, product_key=11),
        fact(2, JAN_31, "20.00", product_id=2, product_key=21, quantity=2),
        fact(3, JAN_31, "20.00", product_id=3, product_key=-3, quantity=3),
        fact(3, JAN_31, "19.99", product_id=4, product_key=-4, quantity=99),
        fact(4, JAN_31, "500.00", product_id=5, product_key=-5, status="cancelled"),
        fact(5, FEB_1, "0.00", product_id=1, product_key=11),
        fact(5, FEB_1, "0.00", product_id=1, product_key=-1),
    ]
    ranked = top_products(facts(spark, *rows), frame(spark, PRODUCTS, known), 3)
    assert told(ranked, TOP_PRODUCTS) == [
        (day(JAN_31), 1, 3, None, None, 1, 3, money("20.00")),
        (day(JAN_31), 2, 1, "new", "b", 2, 2, money("20.00")),
        (day(JAN_31), 3, 2, "two", "c", 1, 2, money("20.00")),
        (day(FEB_1), 1, 1, "old", "a", 1, 2, money("0.00")),
    ]


def test_without_rows_there_is_nothing_to_tell(spark: SparkSession) -> None:
    none = facts(spark)
    marts = [
        (daily_gmv(none), DAILY_GMV),
        (orders_by_status(frame(spark, ORDERS, [])), ORDERS_BY_STATUS),
        (refund_rate(payments(spark)), REFUND_RATE),
        (top_products(none, frame(spark, PRODUCTS, []), 3), TOP_PRODUCTS),
        (daily_error_rate(frame(spark, DATED, []), frame(spark, DATED, [])), DAILY_ERROR_RATE),
    ]
    assert [told(mart, table) for mart, table in marts] == [[]] * len(marts)


def test_the_error_rate_is_that_of_the_rows_judged(spark: SparkSession) -> None:
    def rows(subject: str, on: str, number: int) -> list[dict[str, object]]:
        return [{"subject": subject, "event_date": day(on)}] * number

    accepted = frame(spark, DATED, rows("orders", JAN_31, 2) + rows("events", JAN_31, 3) + rows("events", JAN_30, 1))
    letters = frame(spark, DATED, rows("orders", JAN_31, 1) + rows("events", FEB_1, 2))
    assert told(daily_error_rate(accepted, letters), DAILY_ERROR_RATE) == [
        (day(JAN_30), "events", 1, 0, money("0.000000")),
        (day(JAN_31), "events", 3, 0, money("0.000000")),
        (day(JAN_31), "orders", 2, 1, money("0.333333")),
        (day(FEB_1), "events", 0, 2, money("1.000000")),
    ]
    counts = "event_date date, subject string, accepted bigint, dead_letters bigint"
    resolved = spark.createDataFrame([(day(JAN_31), "orders", 0, 0), (day(FEB_1), "orders", 5, 0)], counts)
    assert told(error_rates(resolved), DAILY_ERROR_RATE) == [(day(FEB_1), "orders", 5, 0, money("0.000000"))]


IN_JUNE = moment("2026-06-01T23:59:59")
LETTER_DATES: list[tuple[Any, ...]] = [
    # the payload spells a time: its day in UTC
    ("orders", {"event_ts": "2026-01-31T23:30:00-01:00"}, "open", "2026-02-01"),
    ("events", {"event_time": "2026-01-31 10:00"}, "discarded", "2026-01-31"),
    ("orders", {"event_ts": "1990-01-01T00:00:00Z"}, "open", "1990-01-01"),
    ("orders", {"event_ts": "2050-12-31T23:59:59Z"}, "open", "2050-12-31"),
    # it spells none, a year that is none, or another subject's field: the day on which it came in
    ("orders", {"event_ts": "1989-12-31T23:59:59Z"}, "open", "2026-06-01"),
    ("orders", {"event_ts": "2051-01-01T00:00:00Z"}, "open", "2026-06-01"),
    ("orders", {"event_ts": "2026-01-31"}, "open", "2026-06-01"),
    ("orders", {"event_ts": ""}, "open", "2026-06-01"),
    ("orders", {"event_ts": None}, "open", "2026-06-01"),
    ("orders", {"event_time": "2026-01-31T10:00:00Z"}, "open", "2026-06-01"),
    ("orders", None, "open", "2026-06-01"),
    ("others", {"event_ts": "2026-01-31T10:00:00Z"}, "open", "2026-06-01"),
    # it stands no more
    ("orders", {"event_ts": "2026-01-31T10:00:00Z"}, "resolved", None),
]


@pytest.mark.parametrize("names", [{"orders": "event_ts", "events": "event_time"}, {}], ids=["known", "none known"])
def test_a_letter_is_of_the_day_that_it_names_or_else_of_the_day_it_came_in(
    spark: SparkSession, names: dict[str, str]
) -> None:
    rows = [
        {"subject": subject, "payload": payload and list(payload.items()), "ingested_at": IN_JUNE, "status": status}
        for subject, payload, status, _ in LETTER_DATES
    ]
    told_dates = dead_letter_dates(frame(spark, LETTERS, rows), names).collect()
    stand = [(subject, on) for subject, _, _, on in LETTER_DATES if on is not None]
    want = [(subject, day(on) if names else date(2026, 6, 1)) for subject, on in stand]
    assert sorted(map(tuple, told_dates)) == sorted(want)


def test_a_ratio_is_rounded_half_up_and_once(spark: SparkSession) -> None:
    ratios = [
        ("1", "3", "0.333333"),
        ("2", "3", "0.666667"),
        ("1", "2000000", "0.000001"),
        ("0.99", "2000000", "0.000000"),
        ("0", "5", "0"),
        ("5", "0", None),
        (None, "5", None),
        ("99999999999999999999999999.99", "99999999999999999999999999.99", "1"),
        # just below a half: the division's own ten places would round it to the half, and that up
        ("4999999999999.99", "9999999999999999999.99", "0.000000"),
        ("123456500000000000000.01", "1000000000000000000000.00", "0.123457"),
        ("123456499999999999999.99", "1000000000000000000000.00", "0.123456"),
    ]
    terms = spark.createDataFrame([(a, b) for a, b, _ in ratios], "a string, b string")
    a, b = (F.col(name).cast("decimal(28,2)") for name in ("a", "b"))
    found = [row.q for row in terms.select(quotient(a, b, 6).alias("q")).collect()]
    assert found == [None if want is None else money(want) for _, _, want in ratios]
