"""A version of a table in one transaction: covers transaction, upsert and csv_rows.

Covers: spark_jobs.publish.csv_rows, spark_jobs.publish.upsert.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.published_lake import NOON, PublishedLake, bronze_row, dead_letter, event, product

from spark_jobs.publish import csv_rows
from spark_jobs.publish.transaction import Published, publish_version

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


def publish(published: PublishedLake, postgres: Connection, name: str) -> Published | None:
    """What the next transaction does; then Postgres shows what the lake has."""
    done = publish_version(postgres, published.targets[name], published.snapshot(name))
    assert published.is_equal(postgres, name)
    return done


def one(postgres: Connection, query: str) -> Any:
    with postgres, postgres.cursor() as cursor:
        cursor.execute(query)
        (row,) = cursor.fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (EVENTS, event),
        ("ops/dead_letters", dead_letter),
        ("bronze/ecommerce_events", bronze_row),
    ],
)
def test_rows_that_are_appended_come_once_whatever_they_hold(
    published: PublishedLake, postgres: Connection, name: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "CHUNK_ROWS", 7)
    published.append(name, *map(make, range(40)))
    assert publish(published, postgres, name) == Published(40, 0, whole=True)
    assert publish(published, postgres, name) is None
    published.append(name, *map(make, range(40, 45)))
    published.append(name, *map(make, range(45, 60)))
    assert publish(published, postgres, name) == Published(20, 0, whole=False)


def test_of_a_keyed_table_only_what_changed_is_sent_and_what_is_gone_goes(
    published: PublishedLake, postgres: Connection
) -> None:
    published.put(PRODUCTS, *map(product, range(50)))
    publish(published, postgres, PRODUCTS)
    published.put(PRODUCTS, product(7, product_name="new", _sequence=99), product(77), gone=[4, 5])
    assert publish(published, postgres, PRODUCTS) == Published(2, 2, whole=False)


def test_a_tombstone_is_published_and_is_not_in_the_view(published: PublishedLake, postgres: Connection) -> None:
    published.put(PRODUCTS, product(1), product(2, _deleted=True))
    publish(published, postgres, PRODUCTS)
    assert one(postgres, "SELECT array_agg(product_id) FROM v_products") == [2]


def test_an_event_whose_identifier_is_taken_is_kept_beside_and_comes_forward_when_it_is_free(
    published: PublishedLake, postgres: Connection
) -> None:
    again = event(9, event_id="e1", event_time=NOON + timedelta(days=1))
    published.append(EVENTS, event(1), event(2), again)
    assert publish(published, postgres, EVENTS) == Published(3, 0, whole=True)
    assert one(postgres, "SELECT array_agg(row_id) FROM repeated_events") == ["r00009"]
    rebuild(published, again)
    assert publish(published, postgres, EVENTS) == Published(1, 2, whole=True)
    assert one(postgres, "SELECT array_agg(row_id) FROM ecommerce_events") == ["r00009"]
    assert one(postgres, "SELECT count(*) FROM repeated_events") == 0


def rebuild(published: PublishedLake, *events: Any) -> None:
    """Another table in the place of the old one, as a rebuild swaps it in."""
    shutil.rmtree(published.table(EVENTS).path)
    published.append(EVENTS, *events)


def test_a_table_that_was_rebuilt_is_compared_as_a_whole_and_only_differences_are_written(
    published: PublishedLake, postgres: Connection
) -> None:
    published.append(EVENTS, *map(event, range(30)))
    publish(published, postgres, EVENTS)
    rebuild(published, *[event(number) for number in range(28)], event(28, price=Decimal("7.77")))
    assert publish(published, postgres, EVENTS) == Published(1, 1, whole=True)


def test_a_version_that_was_vacuumed_away_is_made_good_by_comparing_the_whole(
    published: PublishedLake, postgres: Connection
) -> None:
    published.put(PRODUCTS, *map(product, range(10)))
    publish(published, postgres, PRODUCTS)
    first = set(Path(published.table(PRODUCTS).path).glob("*.parquet"))
    published.put(PRODUCTS, *[product(number, brand="b") for number in range(9)], gone=[10])
    for path in first:
        path.unlink()
    assert publish(published, postgres, PRODUCTS) == Published(9, 1, whole=True)


def test_a_transaction_that_fails_leaves_rows_and_position_as_they_were(
    published: PublishedLake, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.append(EVENTS, *map(event, range(5)))
    publish(published, postgres, EVENTS)
    published.append(EVENTS, *map(event, range(5, 9)))
    with monkeypatch.context() as patch:
        patch.setattr("spark_jobs.publish.transaction._record_version", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish_version(postgres, published.targets[EVENTS], published.snapshot(EVENTS))
    assert one(postgres, "SELECT count(*) FROM ecommerce_events") == 5
    assert publish(published, postgres, EVENTS) == Published(4, 0, whole=False)


def test_the_position_says_the_version_and_when_it_came_into_the_lake(
    published: PublishedLake, postgres: Connection
) -> None:
    published.append(EVENTS, *map(event, range(5)))
    publish(published, postgres, EVENTS)
    query = "SELECT ROW(version, rows_written, lake_committed_at <= published_at)::text FROM published_tables WHERE lake_table = "
    assert one(postgres, f"{query}'{EVENTS}'") == f"({published.snapshot(EVENTS).version},5,t)"


def test_years_before_the_first_are_written_as_postgres_counts_them() -> None:
    day = -62_167_219_200_000_000  # the first moment of the year 0
    column = pa.array([day, day - 1, None, 0], pa.timestamp("us", tz="UTC"))
    lines = csv_rows.csv_bytes(pa.table({"at": column})).decode().splitlines()
    assert lines[:2] == ['"0001-01-01 00:00:00.000000Z BC"', '"0002-12-31 23:59:59.999999Z BC"']
    assert lines[2:] == ["", '"1970-01-01 00:00:00.000000Z"']
