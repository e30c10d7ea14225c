"""Every mart over thousands of random rows against the same question asked in DuckDB's SQL, by other ways, to the last digit.

Ratios are rounded there over whole numbers, by quotient and remainder; ranks are counted; volatility is the whole number of
millionths whose bounds, squared, hold it: no root is drawn.

Covers: spark_jobs.transforms.marts.*.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from support.mart_oracles import HALF_UP, LIMIT, ORACLES
from support.mart_rows import CUSTOMERS, DATED, ORDERS, PRODUCTS, day, fact, frame, moment, payment, told, version

from spark_jobs.schemas_gold import FACT_ORDERS, FACT_PAYMENTS, GOLD
from spark_jobs.transforms.marts.basic_retention import basic_retention
from spark_jobs.transforms.marts.customer_lifetime_value import customer_lifetime_value
from spark_jobs.transforms.marts.customer_segments import customer_segments
from spark_jobs.transforms.marts.daily_error_rate import daily_error_rate
from spark_jobs.transforms.marts.daily_gmv import daily_gmv
from spark_jobs.transforms.marts.orders_by_status import orders_by_status
from spark_jobs.transforms.marts.price_volatility import price_volatility
from spark_jobs.transforms.marts.refund_rate import refund_rate
from spark_jobs.transforms.marts.top_products import top_products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")
SHAPES = {
    "facts": FACT_ORDERS.schema,
    "payments": FACT_PAYMENTS.schema,
    "orders": ORDERS,
    "products": PRODUCTS,
    "customers": CUSTOMERS,
    "accepted": DATED,
    "letters": DATED,
}
MARTS: dict[str, Callable[[dict[str, DataFrame]], DataFrame]] = {
    "daily_gmv": lambda star: daily_gmv(star["facts"]),
    "orders_by_status": lambda star: orders_by_status(star["orders"]),
    "refund_rate": lambda star: refund_rate(star["payments"]),
    "top_products": lambda star: top_products(star["facts"], star["products"], LIMIT),
    "basic_retention": lambda star: basic_retention(star["facts"]),
    "customer_lifetime_value": lambda star: customer_lifetime_value(star["facts"], star["payments"]),
    "customer_segments": lambda star: customer_segments(star["facts"], star["payments"], star["customers"]),
    "price_volatility": lambda star: price_volatility(star["products"]),
    "daily_error_rate": lambda star: daily_error_rate(star["accepted"], star["letters"]),
}


@dataclass(frozen=True)
class Shop:
    """Random rows by frame. Few customers, products and prices, so that ties are many."""

    chance: random.Random

    def rows(self) -> dict[str, list[Row]]:
        products = [each for number in range(1, 81) for each in self.product(number)]
        orders = [self.order(number) for number in range(1, 1601)]
        facts = [line for each in orders for line in self.lines(each, products)]
        star = {"products": products, "orders": orders, "facts": facts, "customers": list(self.customers())}
        star["payments"] = [each for one in orders for each in self.payments_of(one)]
        star["accepted"], star["letters"] = ([self.judged() for _ in range(n)] for n in (2000, 300))
        for rows in star.values():
            self.chance.shuffle(rows)
        return star

    def product(self, number: int) -> Iterator[Row]:
        """A product's history, now and then with a gap, on the first of a month, or without a change of price."""
        begins = moment("2025-11-01") + timedelta(hours=self.chance.randint(0, 1500))
        for place in range(1, self.chance.randint(2, 12)):
            ends = begins + timedelta(hours=self.chance.choice([1, 30, 200, 900]))
            if self.chance.random() < 0.2:
                ends = (ends.replace(day=1) + timedelta(days=31)).replace(day=1, hour=0)
            price = self.chance.choice(["0.00", "0.01", "9.99", "10.00", f"{self.chance.randint(1, 99999) / 100:.2f}"])
            named = {"product_name": self.chance.choice("abc"), "category": self.chance.choice(["x", "y", None])}
            yield version(number, f"{begins}", price, f"{ends}", version=place, **named)
            begins = ends + timedelta(hours=self.chance.choice([0, 0, 0, 700]))

    def order(self, number: int) -> Row:
        """An order; a few days have only cancelled ones, and some customers too."""
        on, customer_id = date(2025, 11, 15) + timedelta(days=self.chance.randint(0, 120)), self.chance.randint(1, 400)
        dull = on.day == 13 or customer_id % 17 == 0
        status = "cancelled" if dull or self.chance.random() < 0.1 else self.chance.choice(STATUSES[:4])
        amount = Decimal(self.chance.randint(0, 99999)).scaleb(-2)
        return {
            "order_id": number,
            "customer_id": customer_id,
            "order_date": on,
            "status": status,
            "total_amount": amount,
        }

    def lines(self, of: Row, products: list[Row]) -> Iterator[Row]:
        for _ in range(self.chance.randint(0, 4)):
            one = self.chance.choice(products)
            key = one["product_key"] if self.chance.random() < 0.8 else -one["product_id"]
            amount = self.chance.choice(["0.00", "5.00", "10.00", f"{self.chance.randint(0, 999999) / 100:.2f}"])
            bought = {"product_id": one["product_id"], "product_key": key, "quantity": self.chance.randint(1, 3)}
            order = {"customer_id": of["customer_id"], "status": of["status"]}
            yield fact(of["order_id"], f"{of['order_date']}", amount, **order, **bought)

    def payments_of(self, one: Row) -> Iterator[Row]:
        for _ in range(self.chance.randint(0, 2)):
            status = self.chance.choice(["authorised", "captured", "captured", "refunded", "failed"])
            amount = self.chance.choice(["0.00", "10.00", f"{self.chance.randint(0, 99999) / 100:.2f}"])
            yield payment(one["order_id"], f"{one['order_date']}", status, amount, customer_id=one["customer_id"])

    def customers(self) -> Iterator[Row]:
        for number in range(1, 301):
            yield {"customer_id": number, "segment": "new", "is_current": False}
            if number % 7:
                segment = self.chance.choice(["premium", "returning", None])
                yield {"customer_id": number, "segment": segment, "is_current": True}

    def judged(self) -> Row:
        on = date(2026, 1, 1) + timedelta(days=self.chance.randint(0, 60))
        return {"subject": self.chance.choice(["orders", "events", "payments"]), "event_date": on}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Row]]:
    return Shop(random.Random(20260105)).rows()


@pytest.fixture(scope="module")
def star(spark: SparkSession, rows: dict[str, list[dict[str, Any]]]) -> dict[str, DataFrame]:
    return {name: frame(spark, SHAPES[name], each) for name, each in rows.items()}


@pytest.fixture(scope="module")
def sql(rows: dict[str, list[dict[str, Any]]]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(HALF_UP)
        for name, each in rows.items():
            connection.register(name, pa.Table.from_pylist(each, SHAPES[name]))
        yield connection


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_is_what_sql_makes_of_the_same_rows(
    star: dict[str, DataFrame], sql: duckdb.DuckDBPyConnection, name: str
) -> None:
    found = told(MARTS[name](star), GOLD[name])
    asked = sorted(
        sql.execute(ORACLES[name]).fetchall(), key=lambda row: tuple((value is None, value) for value in row)
    )
    assert len(found) > 10
    assert found == asked


def test_the_random_rows_hold_what_is_rare(rows: dict[str, list[dict[str, Any]]]) -> None:
    cancelled_only = {each["order_date"] for each in rows["orders"]} - {
        each["order_date"] for each in rows["orders"] if each["status"] != "cancelled"
    }
    assert cancelled_only
    assert any(each["valid_from"].day == 1 and each["valid_from"].hour == 0 for each in rows["products"])
    assert any(each["product_key"] < 0 for each in rows["facts"])
    assert day("2025-11-15") <= min(each["order_date"] for each in rows["facts"])
    assert moment("2025-11-01") <= min(each["valid_from"] for each in rows["products"])
