"""The hourly sums of the books: whatever is done to the books, and by whom, the sums are what adding them up gives.

Covers migrations/R00__quality_by_hour.sql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg2 import errors
from support.published_lake import execute, fetch

from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection
    from support.published_lake import PublishedLake

    from config.groups import Database

ADDED_UP = """
SELECT subject, date_trunc('hour', started_at, 'UTC'), count(*), sum(rows_read), sum(accepted), sum(late), sum(duplicate),
    sum(dead_letter), sum(coalesce(control, 0)), sum(unaccounted), max(watermark), max(max_event_time), sum(duration_seconds)
FROM data_quality_metrics GROUP BY 1, 2 ORDER BY 1, 2
"""
KEPT = "SELECT * FROM quality_by_hour ORDER BY subject, hour"
#: Batches of two subjects on both sides of full hours; every tenth without a watermark, without control messages.
BOOKS = """
INSERT INTO data_quality_metrics AS m (subject, query_id, batch_id, rows_read, accepted, late, duplicate, dead_letter, control,
    unaccounted, watermark, max_event_time, started_at, duration_seconds)
SELECT subject, 'q', n, 12 * {times}, 7 * {times}, n % 3, 2 * {times}, 1 * {times}, CASE WHEN n % 10 > 0 THEN 2 * {times} END,
    CASE WHEN n % 10 > 0 THEN 0 ELSE 2 * {times} END, CASE WHEN n % 10 > 0 THEN at END, at + n * interval '1 second', at, n / 4.0
FROM unnest(ARRAY['orders', 'payments']) subject, generate_series({first}, {last}) n,
    LATERAL (SELECT timestamptz '2026-01-29 00:59:59.999999Z' + n * interval '10 minutes' AS at) made
ON CONFLICT (subject, query_id, batch_id) DO UPDATE
SET rows_read = excluded.rows_read, accepted = excluded.accepted, duplicate = excluded.duplicate,
    dead_letter = excluded.dead_letter, control = excluded.control, unaccounted = excluded.unaccounted
"""


@pytest.fixture
def writer(published: PublishedLake, database: Database) -> Iterator[Connection]:
    connection = connect(database, "writer", application="tests")
    yield connection
    connection.close()


def assert_kept(connection: Connection, hours: int) -> None:
    kept = fetch(connection, KEPT)
    assert kept == fetch(connection, ADDED_UP)
    assert len(kept) == hours


def test_books_that_come_change_and_go_are_in_the_sums_at_once(writer: Connection) -> None:
    execute(writer, BOOKS.format(times=1, first=0, last=30))
    assert_kept(writer, 12)
    execute(writer, BOOKS.format(times=3, first=25, last=40))  # some are there and change, some are new
    assert_kept(writer, 16)
    execute(writer, BOOKS.format(times=3, first=25, last=40))
    assert_kept(writer, 16)
    execute(writer, "DELETE FROM data_quality_metrics WHERE batch_id % 7 = 3 OR batch_id < 8")
    assert_kept(writer, 12)  # the first two hours have none left


def test_a_batch_that_moves_leaves_its_hour_and_an_hour_without_batches_is_gone(writer: Connection) -> None:
    execute(writer, BOOKS.format(times=1, first=0, last=6))
    move = "UPDATE data_quality_metrics SET started_at = '2026-02-01T12:00:00Z', subject = 'other'"
    execute(writer, f"{move} WHERE batch_id < 2 AND subject = 'orders'")
    assert_kept(writer, 4)


def test_a_transaction_that_is_rolled_back_leaves_the_sums_alone(writer: Connection) -> None:
    execute(writer, BOOKS.format(times=1, first=0, last=6))
    before = fetch(writer, KEPT)
    with writer.cursor() as cursor:
        cursor.execute("DELETE FROM data_quality_metrics")
    writer.rollback()
    assert fetch(writer, KEPT) == before


def test_a_table_that_is_emptied_or_made_anew_takes_its_sums_with_it(
    published: PublishedLake, postgres: Connection, writer: Connection
) -> None:
    execute(writer, BOOKS.format(times=1, first=0, last=6))
    execute(postgres, "TRUNCATE data_quality_metrics")
    assert_kept(postgres, 0)
    execute(writer, BOOKS.format(times=1, first=0, last=6))
    execute(postgres, "DROP TABLE data_quality_metrics CASCADE")
    published.prepare(postgres)
    assert_kept(postgres, 0)
    execute(writer, BOOKS.format(times=2, first=0, last=6))
    assert_kept(writer, 4)


def test_books_from_before_there_were_sums_are_added_up_when_the_database_is_prepared(
    published: PublishedLake, postgres: Connection
) -> None:
    execute(postgres, "DROP TABLE quality_by_hour CASCADE")
    execute(postgres, "DROP FUNCTION sum_up_quality CASCADE")
    execute(postgres, BOOKS.format(times=1, first=0, last=30))
    published.prepare(postgres)
    assert_kept(postgres, 12)
    published.prepare(postgres)
    assert_kept(postgres, 12)


def test_the_writer_cannot_write_sums_of_its_own(writer: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        execute(writer, "DELETE FROM quality_by_hour")


def test_nobody_else_can_have_the_owner_delete_sums(writer: Connection) -> None:
    execute(writer, "CREATE TEMP TABLE mine (subject text, started_at timestamptz)")
    with pytest.raises(errors.InsufficientPrivilege):
        execute(
            writer,
            "CREATE TRIGGER hung AFTER INSERT ON mine REFERENCING NEW TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION sum_up_quality()",
        )


def test_what_runs_as_its_owner_is_its_owners_alone(published: PublishedLake, postgres: Connection) -> None:
    rights = fetch(
        postgres,
        "SELECT proname, has_function_privilege('tallylake_writer', oid, 'EXECUTE'), "
        "has_function_privilege('tallylake_reader', oid, 'EXECUTE') FROM pg_proc "
        "WHERE prosecdef AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    )
    assert rights == [("sum_up_quality", False, False)]
