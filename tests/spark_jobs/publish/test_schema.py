"""A database that is prepared for publishing: covers schema, tables, views, ddl, catalog, roles, target and targets.

Covers: spark_jobs.publish.catalog, spark_jobs.publish.ddl, spark_jobs.publish.roles, spark_jobs.publish.tables,
spark_jobs.publish.target, spark_jobs.publish.targets, spark_jobs.publish.views.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from psycopg2 import errors
from support.gold_lake import GoldWorkspace
from support.lakes import new_workspace
from support.published_lake import PublishedLake, event, execute, fetch

from config.errors import DatabaseError
from config.postgres import connect
from config.postgres_embedded import ensure_running
from spark_jobs.publish import schema
from spark_jobs.publish.errors import MigrationError
from spark_jobs.publish.schema import prepare_database
from spark_jobs.publish.targets import name_clashes, targets
from spark_jobs.publish.transaction import publish_version

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Server

    from config.groups import Database

EVENTS = "silver/ecommerce_events"
VIEWS = {"v_hourly_event_summary", "v_category_performance", "v_user_segment_analysis", "v_data_quality_dashboard"}


def test_every_table_and_view_is_there_and_done_twice_nothing_changes(
    published: PublishedLake, postgres: Connection
) -> None:
    query = "SELECT relname, relfilenode FROM pg_class WHERE relnamespace = 'tallylake'::regnamespace ORDER BY 1"
    before = fetch(postgres, query)
    published.prepare(postgres)
    assert fetch(postgres, query) == before
    there = {name for name, _ in before}
    assert there >= {target.name for target in published.targets.values()} | VIEWS
    assert there >= {f"v_{name}" for name in ("customers", "products", "orders", "order_items", "payments")}


def test_the_database_refuses_what_no_accepted_row_is(published: PublishedLake, postgres: Connection) -> None:
    published.append(EVENTS, event(1))
    publish_version(postgres, published.targets[EVENTS], published.snapshot(EVENTS))
    for change in ("event_type = 'buy'", "price = -0.01", "quantity = -1"):
        with pytest.raises(errors.CheckViolation):
            execute(postgres, f"UPDATE ecommerce_events SET {change}")
    with pytest.raises(errors.UniqueViolation, match="ecommerce_events_pkey"):
        execute(
            postgres,
            'INSERT INTO ecommerce_events SELECT (jsonb_populate_record(e, \'{"row_id": "x"}\')).* FROM ecommerce_events e',
        )
    with pytest.raises(errors.CheckViolation):
        execute(
            postgres,
            "INSERT INTO data_quality_metrics "
            "(subject, query_id, batch_id, rows_read, accepted, late, duplicate, dead_letter, unaccounted) "
            "VALUES ('s', 'q', 1, 10, 8, 0, 1, 0, 0)",
        )


def test_the_writer_changes_rows_and_no_tables_and_the_reader_reads(
    published: PublishedLake, database: Database
) -> None:
    writer, reader = (connect(database, role, application="tests") for role in ("writer", "reader"))
    try:
        execute(writer, "DELETE FROM ecommerce_events")
        with pytest.raises(errors.InsufficientPrivilege):
            execute(writer, "DROP TABLE ecommerce_events")
        with pytest.raises(errors.InsufficientPrivilege):
            execute(writer, "CREATE TABLE other (x int)")
        assert fetch(reader, "SELECT count(*) FROM v_products") == [0]
        with pytest.raises(errors.ReadOnlySqlTransaction):
            execute(reader, "DELETE FROM ecommerce_events")
        execute(reader, "SET default_transaction_read_only = off")
        with pytest.raises(errors.InsufficientPrivilege):
            execute(reader, "DELETE FROM ecommerce_events")
    finally:
        writer.close()
        reader.close()


def test_nobody_reads_before_anything_was_published(database: Database) -> None:
    fresh = replace(database, name=f"{database.name}x")
    connection = connect(fresh, "owner", application="tests")
    roles = fetch(connection, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'tallylake%%'")
    connection.close()
    if roles == [0]:  # other tests of the same server make them
        with pytest.raises(DatabaseError, match="nothing has been published"):
            connect(fresh, "reader", application="tests")


def test_an_owner_who_is_no_superuser_may_make_everything(
    shared_server: Server, postgres: Connection, database: Database, tmp_path: Path
) -> None:
    """From PostgreSQL 16 on, making a role is not yet being allowed to act as it."""
    execute(postgres, f"CREATE ROLE {database.name}_owner LOGIN CREATEROLE PASSWORD 'p'")
    postgres.autocommit = True
    with postgres.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database.name} OWNER TO {database.name}_owner")
        for role in ("tallylake_writer", "tallylake_reader"):
            cursor.execute(
                f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF; END $$"
            )
            cursor.execute(f"GRANT {role} TO {database.name}_owner WITH ADMIN OPTION, SET FALSE")
    postgres.autocommit = False
    host = ensure_running(shared_server.root)
    owned = replace(database, host=host, port=5432, user=f"{database.name}_owner", url=None)
    published = PublishedLake(new_workspace(tmp_path))
    connection = connect(owned, "owner", application="tests")
    published.prepare(connection)
    connection.close()
    writer = connect(owned, "writer", application="tests")
    assert fetch(writer, "SELECT current_user, count(*) FROM ecommerce_events") == [("tallylake_writer", 0)]
    writer.close()


def test_a_contract_that_gains_a_field_gains_a_column_and_rows_stay(
    published: PublishedLake, postgres: Connection
) -> None:
    published.append(EVENTS, event(1))
    publish_version(postgres, published.targets[EVENTS], published.snapshot(EVENTS))
    execute(postgres, "ALTER TABLE ecommerce_events DROP COLUMN campaign_id")
    published.prepare(postgres)
    assert fetch(postgres, "SELECT event_id, campaign_id FROM ecommerce_events") == [("e1", None)]


def test_a_table_of_another_shape_is_made_anew_and_filled_again(
    published: PublishedLake, postgres: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    published.append(EVENTS, event(1), event(2, event_id="e1"))
    publish_version(postgres, published.targets[EVENTS], published.snapshot(EVENTS))
    execute(postgres, "DROP VIEW v_hourly_event_summary, v_category_performance")
    execute(postgres, "ALTER TABLE ecommerce_events ALTER quantity TYPE bigint")
    published.prepare(postgres)
    assert "ecommerce_events has another shape" in caplog.text
    assert fetch(postgres, "SELECT count(*) FROM repeated_events") == [0]
    publish_version(postgres, published.targets[EVENTS], published.snapshot(EVENTS))
    assert published.is_equal(postgres, EVENTS)


def test_a_contract_that_allows_more_changes_the_check(published: PublishedLake, postgres: Connection) -> None:
    execute(postgres, "COMMENT ON CONSTRAINT tally_price_min ON ecommerce_events IS 'an older condition'")
    execute(postgres, "ALTER TABLE ecommerce_events ADD CONSTRAINT tally_gone_min CHECK (quantity > 7)")
    published.prepare(postgres)
    query = (
        "SELECT conname FROM pg_constraint WHERE conrelid = 'ecommerce_events'::regclass "
        "AND conname IN ('tally_price_min', 'tally_gone_min')"
    )
    assert fetch(postgres, query) == ["tally_price_min"]


def test_a_migration_that_was_edited_after_it_was_applied_is_refused(
    published: PublishedLake, postgres: Connection
) -> None:
    execute(postgres, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
    with pytest.raises(MigrationError, match="V001 bookkeeping is not what was applied"):
        published.prepare(postgres)


def test_a_database_of_a_newer_release_is_refused(published: PublishedLake, postgres: Connection) -> None:
    execute(postgres, "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', 'x')")
    with pytest.raises(MigrationError, match="newer Tallylake"):
        published.prepare(postgres)


def test_a_start_that_fails_half_way_leaves_nothing(
    tmp_path: Path, postgres: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "ensure_views", lambda *_: 1 / 0)
    workspace = new_workspace(tmp_path)
    with pytest.raises(ZeroDivisionError):
        prepare_database(postgres, workspace.registry, workspace.lake)
    assert fetch(postgres, "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'tallylake')") == [0]


def test_a_view_that_someone_built_on_ours_is_no_hindrance(published: PublishedLake, postgres: Connection) -> None:
    execute(postgres, "CREATE VIEW mine AS SELECT event_hour FROM v_hourly_event_summary")
    published.prepare(postgres)
    assert fetch(postgres, "SELECT count(*) FROM mine") == [0]


def test_the_version_of_a_moment_is_found_by_its_key(tmp_path: Path, postgres: Connection) -> None:
    shop = GoldWorkspace.at(tmp_path)
    shop.versions("products", 1, ("2026-01-01", {"price": Decimal("5.00")}), ("2026-02-01", {"price": Decimal("6.00")}))
    published = PublishedLake(shop.workspace)
    published.prepare(postgres)
    name = "gold/dim_product"
    publish_version(postgres, published.targets[name], published.snapshot(name))
    query = "SELECT price FROM products_as_of(%s) WHERE product_id = 1"
    assert fetch(postgres, query, datetime(2026, 1, 31, 23, 59, tzinfo=UTC)) == [Decimal("5.00")]
    assert fetch(postgres, query, datetime(2026, 2, 1, tzinfo=UTC)) == [Decimal("6.00")]
    assert fetch(postgres, query, datetime(2025, 12, 31, tzinfo=UTC)) == []
    plan = " ".join(fetch(postgres, "EXPLAIN SELECT * FROM products_as_of(now()) WHERE product_id = 1"))
    assert "Function Scan" not in plan, "the function is inlined, so that the key's index is used"


def test_raw_events_can_be_left_out(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    subjects = [workspace.registry.subject(name) for name in workspace.registry.subjects]
    assert not [one for one in targets(workspace.lake, subjects, raw_events=False) if one.name == "raw_events"]


def test_a_subject_that_is_called_like_a_table_of_ours_is_refused_and_no_other(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    subject = workspace.subject()
    for name in ("repeated_events", "daily_gmv", "quality_by_hour"):
        wanted = targets(workspace.lake, [replace(subject, name=name), subject], raw_events=True)
        assert list(name_clashes(wanted)) == [f"silver/{name}"]
        assert name_clashes(wanted)[f"silver/{name}"].endswith(f"is called {name} already: rename the subject")
