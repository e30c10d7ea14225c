"""Every mart over thousands of random rows against the same question asked in DuckDB's SQL, by other ways, to the last digit.

Ratios are rounded there over whole numbers, by quotient and remainder; ranks are counted; volatility is the whole number of
millionths whose bounds, squared, hold it: no root is drawn.
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
from mart_rows import CUSTOMERS, DATED, ORDERS, PRODUCTS, day, fact, frame, moment, payment, told, version

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

    from pyspark.sql import DataFrame

Row = dict[str, Any]
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")
LIMIT = 4
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

HALF_UP = """
CREATE MACRO half_up(a, b) AS CASE WHEN b > 0 THEN (a // b)::HUGEINT + CASE WHEN 2 * (a % b) >= b THEN 1 ELSE 0 END END;
CREATE MACRO cents(amount) AS (amount * 100)::DECIMAL(38, 0)::HUGEINT;
CREATE MACRO millionths(number) AS number::DECIMAL(30, 0) * 0.000001::DECIMAL(7, 6);
CREATE MACRO hundredths(number) AS number::DECIMAL(30, 0) * 0.01::DECIMAL(3, 2);
"""
SALES = "sold AS (FROM facts WHERE status IN ('pending', 'processing', 'shipped', 'delivered'))"
VALUES = f"""
    {SALES},
    bought AS (
        SELECT customer_id, order_id, min(order_date) AS on_day, sum(quantity) AS units, sum(line_total) AS amount,
            (SELECT coalesce(sum(p.amount), 0) FROM payments p
             WHERE p.order_id = s.order_id AND p.customer_id = s.customer_id AND p.status = 'refunded') AS refunded
        FROM sold s GROUP BY customer_id, order_id),
    valued AS (
        SELECT customer_id, min(on_day) AS first_day, max(on_day) AS last_day, count(*) AS orders, sum(units) AS units,
            sum(amount) AS gross, sum(refunded) AS refunded, sum(amount) - sum(refunded) AS kept
        FROM bought GROUP BY customer_id)"""
ORACLES = {
    "daily_gmv": """
        WITH bought AS (
            SELECT order_date, order_id, customer_id, status = 'cancelled' AS gone, sum(quantity) AS units,
                sum(line_total) AS amount
            FROM facts GROUP BY ALL),
        of_day AS (
            SELECT order_date, count(*) FILTER (NOT gone) AS orders,
                len(list_distinct(coalesce(list(customer_id) FILTER (NOT gone), []))) AS customers,
                coalesce(sum(units) FILTER (NOT gone), 0) AS units, coalesce(sum(amount) FILTER (NOT gone), 0) AS gmv,
                count(*) FILTER (gone) AS lost, coalesce(sum(amount) FILTER (gone), 0) AS lost_amount
            FROM bought GROUP BY order_date)
        SELECT *, hundredths(half_up(cents(gmv), orders)) FROM of_day""",
    "orders_by_status": """
        SELECT order_date, status, count(*), sum(total_amount),
            millionths(half_up(count(*) * 1000000, (SELECT count(*) FROM orders o WHERE o.order_date = orders.order_date)))
        FROM orders GROUP BY order_date, status""",
    "refund_rate": """
        WITH days AS (SELECT DISTINCT order_date FROM payments),
        of_day AS (
            SELECT order_date,
                (SELECT count(DISTINCT order_id) FROM payments p
                 WHERE p.order_date = d.order_date AND status NOT IN ('authorised', 'failed')) AS paid_orders,
                (SELECT coalesce(sum(amount), 0) FROM payments p
                 WHERE p.order_date = d.order_date AND status NOT IN ('authorised', 'failed')) AS paid,
                (SELECT count(DISTINCT order_id) FROM payments p
                 WHERE p.order_date = d.order_date AND status = 'refunded') AS back_orders,
                (SELECT coalesce(sum(amount), 0) FROM payments p
                 WHERE p.order_date = d.order_date AND status = 'refunded') AS back
            FROM days d)
        SELECT *, millionths(half_up(cents(back) * 1000000, cents(paid))) FROM of_day""",
    "top_products": f"""
        WITH {SALES},
        of_day AS (
            SELECT order_date, product_id, count(DISTINCT order_id) AS orders, sum(quantity) AS units,
                sum(line_total) AS revenue
            FROM sold GROUP BY ALL),
        placed AS (
            SELECT *, 1 + (SELECT count(*) FROM of_day o WHERE o.order_date = m.order_date
                AND (-o.revenue, -o.units, o.product_id) < (-m.revenue, -m.units, m.product_id)) AS place,
                (SELECT arg_max({{'n': product_name, 'c': category}}, valid_from) FROM products p WHERE p.product_key IN (
                    SELECT s.product_key FROM sold s
                    WHERE s.order_date = m.order_date AND s.product_id = m.product_id)) AS named
            FROM of_day m)
        SELECT order_date, place, product_id, named.n, named.c, orders, units, revenue FROM placed WHERE place <= {LIMIT}""",
    "basic_retention": f"""
        WITH {SALES},
        began AS (SELECT customer_id, date_trunc('month', min(order_date))::DATE AS cohort FROM sold GROUP BY customer_id),
        later AS (
            SELECT cohort, date_diff('month', cohort, order_date) AS months, count(DISTINCT customer_id) AS active
            FROM sold JOIN began USING (customer_id) GROUP BY ALL),
        size AS (SELECT cohort, count(*) AS everyone FROM began GROUP BY cohort)
        SELECT cohort, months, everyone, active, millionths(half_up(active * 1000000, everyone))
        FROM later JOIN size USING (cohort)""",
    "customer_lifetime_value": f"WITH {VALUES} SELECT *, hundredths(half_up(cents(gross), orders)) FROM valued",
    "customer_segments": f"""
        WITH {VALUES},
        last AS (SELECT max(order_date) AS today FROM facts),
        scored AS (
            SELECT customer_id, today, today - last_day AS days, orders, kept,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.last_day < v.last_day) // count(*) OVER () AS r,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.orders < v.orders) // count(*) OVER () AS f,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.kept < v.kept) // count(*) OVER () AS m
            FROM valued v, last)
        SELECT customer_id, today, days, orders, kept, r, f, m,
            CASE WHEN r >= 4 THEN CASE WHEN f >= 4 THEN if(m >= 4, 'champions', 'loyal')
                                       ELSE if(orders = 1, 'new', 'promising') END
                 WHEN r = 3 THEN if(f >= 4, 'loyal', 'regular')
                 WHEN days > 0 AND (f >= 3 OR m >= 4) THEN 'at_risk'
                 ELSE if(r = 1 AND days > 0, 'lost', 'regular') END,
            (SELECT segment FROM customers c WHERE c.customer_id = scored.customer_id AND is_current)
        FROM scored""",
    "price_volatility": """
        WITH ordered AS (
            SELECT *, date_trunc('month', valid_from) AS month,
                lag(price) OVER (PARTITION BY product_id ORDER BY version) AS before
            FROM products),
        moved AS (
            SELECT product_id, month, month + INTERVAL 1 MONTH AS next, count(*) AS changes FROM ordered
            WHERE price <> before GROUP BY product_id, month),
        listed AS (
            SELECT m.*, list({'p': price, 'begins': valid_from, 'ends': valid_to} ORDER BY version) AS held,
                arg_max(product_name, version) AS name
            FROM moved m JOIN products o ON o.product_id = m.product_id AND o.valid_from < m.next AND o.valid_to > m.month
            GROUP BY ALL),
        held AS (
            SELECT *, [h.p FOR h IN held IF h.begins <= listed.month][1] AS opening,
                [h.p FOR h IN held IF h.ends >= listed.next][1] AS closing, [h.p FOR h IN held] AS prices
            FROM listed),
        apart AS (
            SELECT *, [p FOR p, i IN prices IF i = 1 OR p <> prices[i - 1]] AS runs,
                [cents(p) FOR p IN runs] AS c, len(runs) AS n, list_sum(c)::HUGEINT AS s,
                list_sum([(n * x - s) * (n * x - s) FOR x IN c])::HUGEINT AS deviations
            FROM held),
        bounded AS (
            SELECT *, (1000000 * sqrt(deviations::DOUBLE / n) / nullif(s, 0))::HUGEINT AS near FROM apart)
        SELECT product_id, month::DATE, name, changes, opening, closing, list_min(runs), list_max(runs),
            millionths(half_up(s * 10000, n)),
            CASE WHEN s > 0 THEN millionths(list_max([r FOR r IN [0, near - 1, near, near + 1]
                IF r = 0 OR (2 * r - 1) * (2 * r - 1) * s * s * n <= 4000000000000 * deviations])) END
        FROM bounded""",
    "daily_error_rate": """
        WITH good AS (SELECT event_date, subject, count(*) AS good FROM accepted GROUP BY ALL),
        bad AS (SELECT event_date, subject, count(*) AS bad FROM letters GROUP BY ALL),
        judged AS (
            SELECT event_date, subject, coalesce(good, 0) AS good, coalesce(bad, 0) AS bad
            FROM good FULL JOIN bad USING (event_date, subject))
        SELECT *, millionths(half_up(bad * 1000000, good + bad)) FROM judged""",
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
def star(spark, rows) -> dict[str, DataFrame]:
    return {name: frame(spark, SHAPES[name], each) for name, each in rows.items()}


@pytest.fixture(scope="module")
def sql(rows) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(HALF_UP)
        for name, each in rows.items():
            connection.register(name, pa.Table.from_pylist(each, SHAPES[name]))
        yield connection


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_is_what_sql_makes_of_the_same_rows(star, sql, name):
    found = told(MARTS[name](star), GOLD[name])
    asked = sorted(
        sql.execute(ORACLES[name]).fetchall(), key=lambda row: tuple((value is None, value) for value in row)
    )
    assert len(found) > 10
    assert found == asked


def test_the_random_rows_hold_what_is_rare(rows):
    cancelled_only = {each["order_date"] for each in rows["orders"]} - {
        each["order_date"] for each in rows["orders"] if each["status"] != "cancelled"
    }
    assert cancelled_only
    assert any(each["valid_from"].day == 1 and each["valid_from"].hour == 0 for each in rows["products"])
    assert any(each["product_key"] < 0 for each in rows["facts"])
    assert day("2025-11-15") <= min(each["order_date"] for each in rows["facts"])
    assert moment("2025-11-01") <= min(each["valid_from"] for each in rows["products"])
