"""A database that others use: publishing keeps to a schema of its own, leaves what it has not made, and says what is in its way.

Covers catalog, move_from_public, names, refusals and roles.

Covers: spark_jobs.publish.move_from_public, spark_jobs.publish.names, spark_jobs.publish.refusals,
spark_jobs.publish.errors.
"""

from __future__ import annotations

import re
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from support.lakes import new_workspace
from support.postgres_servers import new_database
from support.published_lake import NOON, PublishedLake, dead_letter, event, execute, fetch, product

from config.postgres import connect
from schema_registry.registry import CONTRACTS
from spark_jobs.cli.status import run_status
from spark_jobs.publish.errors import MigrationError, PublishError
from spark_jobs.publish.targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from config.groups import Database

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"
#: What the release before this one left in a database, of the events e1, e2 and another e1, and of two products.
BEFORE = Path(__file__).with_name("published_before.sql")
STRANGERS = """
CREATE SCHEMA IF NOT EXISTS tallylake;
CREATE TABLE public.products (sku text); INSERT INTO public.products VALUES ('theirs');
CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY); INSERT INTO public.schema_migrations VALUES ('20260101');
CREATE VIEW public.v_orders AS SELECT sku FROM public.products;
CREATE TABLE tallylake.products (sku text); INSERT INTO tallylake.products VALUES ('theirs');
CREATE VIEW tallylake.on_products AS SELECT sku FROM tallylake.products;
CREATE VIEW tallylake.v_customers AS SELECT 7 AS theirs;
CREATE VIEW tallylake.daily_gmv AS SELECT 7 AS theirs;
CREATE TYPE tallylake.top_products AS ENUM ('theirs');
CREATE FUNCTION tallylake.products_as_of(moment timestamptz) RETURNS text LANGUAGE sql AS 'SELECT ''theirs''::text';
CREATE FUNCTION tallylake.sum_up_quality() RETURNS text LANGUAGE sql AS 'SELECT ''theirs''::text';
"""
THEIRS = (
    "SELECT sku FROM public.products",
    "SELECT version FROM public.schema_migrations",
    "SELECT sku FROM public.v_orders",
    "SELECT sku FROM tallylake.on_products",
    "SELECT theirs FROM tallylake.v_customers",
    "SELECT theirs FROM tallylake.daily_gmv",
    "SELECT 'theirs'::tallylake.top_products",
    "SELECT tallylake.products_as_of(now())",
    "SELECT tallylake.sum_up_quality()",
)


@pytest.fixture(params=["embedded", "debian"])
def where(request: pytest.FixtureRequest) -> Database:
    """An empty database that others use too."""
    if request.param == "debian":
        return new_database(request.getfixturevalue("module_debian"))
    database: Database = request.getfixturevalue("database")
    return database


@pytest.fixture
def shared(where: Database) -> Iterator[Connection]:
    """Its owner's connection."""
    with closing(connect(where, "owner", application="tests")) as connection:
        yield connection


def publish(published: PublishedLake, database: Database) -> dict[str, str]:
    """Publish all; what could not be, with the reasons."""
    publisher = published.publisher(database)
    with suppress(PublishError):
        publisher.catch_up()
    published.targets = {one.target.table.name: one.target for one in publisher.tables}
    return dict(publisher.refused)


@pytest.fixture
def published(tmp_path: Path) -> PublishedLake:
    return filled(PublishedLake(new_workspace(tmp_path)))


def filled(published: PublishedLake) -> PublishedLake:
    subjects = [published.registry.subject(name) for name in sorted(published.registry.subjects)]
    published.targets = {one.table.name: one for one in targets(published.lake, subjects, raw_events=True)}
    published.append(EVENTS, event(1), event(2), event(3, event_id="e1"))
    published.put(PRODUCTS, product(1), product(2))
    return published


def test_what_others_have_under_our_names_stays_and_keeps_away_only_what_is_called_so(
    where: Database, shared: Connection, published: PublishedLake, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(shared, STRANGERS)
    before = [fetch(shared, query) for query in THEIRS]
    for _ in range(2):
        refused = publish(published, where)
        assert set(refused) == {
            PRODUCTS,
            "v_customers",
            "gold/daily_gmv",
            "gold/top_products",
            "products_as_of",
            "quality_by_hour",
        }
        assert refused[PRODUCTS] == (
            "the table tallylake.products was not made by Tallylake and is left alone: "
            "rename it, or have POSTGRES_SCHEMA name another schema"
        )
        assert published.is_equal(shared, EVENTS)
        assert [fetch(shared, query) for query in THEIRS] == before
    run_status(published.settings(where), ["products"], json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "v_customers cannot be made: the view tallylake.v_customers was not made by Tallylake" in shown
    assert "silver/products" in shown
    execute(shared, "DROP VIEW tallylake.on_products; ALTER TABLE tallylake.products RENAME TO their_products")
    assert PRODUCTS not in publish(published, where)
    assert published.is_equal(shared, PRODUCTS)
    assert fetch(shared, "SELECT sku FROM tallylake.their_products") == ["theirs"]


def test_a_schema_whose_bookkeeping_is_someone_else_s_is_left_alone(
    where: Database, shared: Connection, published: PublishedLake
) -> None:
    execute(shared, "CREATE SCHEMA tallylake; CREATE TABLE tallylake.schema_migrations (version varchar)")
    with pytest.raises(MigrationError, match=r"tallylake\.schema_migrations was not made by Tallylake"):
        publish(published, where)
    assert fetch(shared, "SELECT tablename FROM pg_tables WHERE schemaname = 'tallylake'") == ["schema_migrations"]
    elsewhere = replace(where, schema="figures")
    assert publish(published, elsewhere) == {}
    assert fetch(shared, "SELECT count(*) FROM figures.ecommerce_events") == [2]


def test_a_view_that_a_user_has_on_ours_survives_whatever_becomes_of_the_table(
    where: Database, shared: Connection, published: PublishedLake
) -> None:
    assert publish(published, where) == {}
    execute(shared, "CREATE VIEW public.mine AS SELECT event_id, quantity FROM tallylake.ecommerce_events")
    execute(shared, "CREATE VIEW public.my_products AS SELECT product_id FROM tallylake.v_products")
    execute(
        shared, "COMMENT ON TABLE tallylake.ecommerce_events IS 'Tallylake: silver/ecommerce_events, by another key'"
    )
    assert publish(published, where) == {}, "another key is changed in place"
    assert published.is_equal(shared, EVENTS)
    execute(shared, "ALTER TABLE tallylake.products ALTER row_id TYPE varchar")
    execute(shared, "CREATE OR REPLACE VIEW tallylake.v_orders AS SELECT *, 1 AS older FROM tallylake.orders")
    execute(shared, "COMMENT ON VIEW tallylake.v_orders IS 'Tallylake: made by an older release'")
    execute(shared, "CREATE VIEW public.my_orders AS SELECT older FROM tallylake.v_orders")
    refused = publish(published, where)
    assert set(refused) == {PRODUCTS, "v_orders"}
    assert "view public.my_products depends on view v_products" in refused[PRODUCTS]
    assert "view public.my_orders depends on view v_orders" in refused["v_orders"]
    for view in ("mine", "my_products", "my_orders"):
        fetch(shared, f"SELECT * FROM public.{view}")
    execute(shared, "DROP VIEW public.my_products, public.my_orders")
    assert publish(published, where) == {}
    assert published.is_equal(shared, PRODUCTS)


@pytest.fixture
def small(tmp_path: Path) -> PublishedLake:
    """The lake from which the release before this one published."""
    folder = tmp_path / "contracts"
    for name in ("ecommerce_events", "products"):
        (folder / name).mkdir(parents=True)
        for file in filter(Path.is_file, (CONTRACTS / name).iterdir()):
            (folder / name / file.name).write_bytes(file.read_bytes())
    return filled(PublishedLake(new_workspace(tmp_path, folder)))


def published_before(connection: Connection, published: PublishedLake, *, same: bool = True) -> None:
    """Put what was published before into the database, as if it had been from this lake."""
    text = BEFORE.read_text(encoding="utf-8")
    if same:
        for name in (EVENTS, PRODUCTS):
            text = re.sub(rf"('{name}', '\w+', )'[-0-9a-f]+'", rf"\1'{published.snapshot(name).metadata['id']}'", text)
    for role in ("tallylake_writer", "tallylake_reader"):
        if not fetch(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
            execute(connection, f"CREATE ROLE {role}; GRANT {role} TO CURRENT_USER")
    execute(connection, text)
    execute(connection, "RESET search_path; RESET row_security")
    execute(connection, "CREATE VIEW public.mine AS SELECT event_id FROM public.ecommerce_events")
    execute(connection, "UPDATE public.products SET brand = 'kept'")


def test_a_database_that_was_published_to_before_is_taken_over_with_all_that_is_in_it(
    where: Database, shared: Connection, small: PublishedLake
) -> None:
    published_before(shared, small)
    for _ in range(2):
        assert publish(small, where) == {}
        assert fetch(shared, "SELECT brand FROM products") == ["kept", "kept"], "not a row was sent again"
        assert small.is_equal(shared, EVENTS)
    assert fetch(shared, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == ["mine"]
    assert fetch(shared, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
    assert sorted(fetch(shared, "SELECT event_id FROM public.mine")) == ["e1", "e2"]
    small.append(EVENTS, event(9))
    execute(shared, "DELETE FROM data_quality_metrics")
    assert publish(small, where) == {}
    assert small.is_equal(shared, EVENTS)
    with closing(connect(where, "reader", application="tests")) as reader:
        assert fetch(reader, "SELECT count(*) FROM ecommerce_events") == [3]
        assert fetch(reader, "SELECT count(*) FROM v_products") == [2]
        assert fetch(reader, "SELECT count(*) FROM products_as_of(now())") == [0]


def test_of_what_was_published_before_a_name_that_is_taken_stays_and_the_rest_is_taken_over(
    where: Database, shared: Connection, small: PublishedLake
) -> None:
    published_before(shared, small)
    execute(shared, "CREATE SCHEMA tallylake; CREATE TABLE tallylake.products (sku text)")
    assert set(publish(small, where)) == {PRODUCTS}
    assert small.is_equal(shared, EVENTS)
    assert fetch(shared, "SELECT brand FROM public.products") == ["kept", "kept"]
    execute(shared, "DROP TABLE tallylake.products")
    assert publish(small, where) == {}
    assert small.is_equal(shared, PRODUCTS)


def test_what_another_lake_has_published_stays_where_it_is(
    where: Database, shared: Connection, small: PublishedLake
) -> None:
    published_before(shared, small, same=False)
    assert publish(small, where) == {}
    assert fetch(shared, "SELECT brand FROM public.products") == ["kept", "kept"]
    assert small.is_equal(shared, PRODUCTS)


def test_who_logs_in_by_themselves_finds_the_tables_by_their_names(
    where: Database, shared: Connection, published: PublishedLake
) -> None:
    """As README and docs ask: ``psql user=tallylake_reader``, without anything said of a schema."""
    publish(published, where)
    said = "SELECT rolname, setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole JOIN pg_database d ON d.oid = "
    found = dict(fetch(shared, f"{said} setdatabase WHERE datname = current_database() ORDER BY 1"))
    assert found == {f"tallylake_{role}": ["search_path=tallylake, public"] for role in ("reader", "writer")}
    if shared.info.host.startswith("/"):
        named: dict[str, Any] = {"host": shared.info.host, "dbname": shared.info.dbname, "user": "tallylake_reader"}
        with closing(psycopg2.connect(**named)) as reader:
            assert fetch(reader, "SELECT count(*) FROM ecommerce_events") == [2]
            assert fetch(reader, "SELECT events FROM v_hourly_event_summary") == [2]


MAP_TILES = """
subject: map_tiles
version: 1
kind: events
key: [tile_id]
event_time: rendered_at
fields:
  tile_id:     {type: string, required: true, non_blank: true, max_length: 40}
  rendered_at: {type: timestamp, required: true}
  xmin:        {type: "decimal(9,6)", required: true}
  ymin:        {type: "decimal(9,6)", required: true}
  xmax:        {type: "decimal(9,6)", required: true}
  ymax:        {type: "decimal(9,6)", required: true}
rules:
  - {name: the_box_is_not_inside_out, check: "xmin <= xmax AND ymin <= ymax"}
"""
DOOR_BELLS = """
subject: door_bells
version: 1
kind: events
key: [ring_id]
event_time: rung_at
fields:
  ring_id: {type: string, required: true, non_blank: true, max_length: 40}
  rung_at: {type: timestamp, required: true}
"""
LONG = "a_very_long_name_" + "x" * 50
#: Columns of Postgres's own, keywords, an alias of ours, a name like a parameter's, and two that would be cut alike.
HARD = (
    "xmin",
    "xmin_",
    "ctid",
    "tableoid",
    "cmax",
    "select",
    "user",
    "table",
    "s",
    "t",
    "moment",
    f"{LONG}_a",
    f"{LONG}_b",
)


def contract(subject: str, kind: str, *fields: str) -> str:
    """A contract whose key is the first of the fields; all are texts of which two are known."""
    lines = [f"  {name}: {{type: string, max_length: 40, enum: [a, b], required: true}}" for name in fields]
    said = [f"subject: {subject}", "version: 1", f"kind: {kind}", f"key: [{fields[0]}]"]
    if kind == "events":
        said, lines = [*said, "event_time: at"], [*lines, "  at: {type: timestamp, required: true}"]
    else:
        said += [
            "event_time: event_ts",
            "sequence_by: seq",
            f"entity: {subject}",
            f"tracked: [{', '.join(fields[1:])}]",
        ]
    return "\n".join([*said, "fields:", *lines])


def of_contracts(root: Path, **texts: str) -> PublishedLake:
    for name, text in texts.items():
        (root / "contracts" / name).mkdir(parents=True)
        (root / "contracts" / name / "v1.yaml").write_text(text, encoding="utf-8")
    made = PublishedLake(new_workspace(root, root / "contracts"))
    subjects = [made.registry.subject(name) for name in sorted(texts)]
    made.targets = {one.table.name: one for one in targets(made.lake, subjects, raw_events=True)}
    return made


def row(name: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "row_id": name, "schema_version": 1, "query_id": "q", "batch_id": 0, "processed_at": NOON}


def test_columns_called_like_those_that_every_table_has_are_published_under_names_that_work(
    where: Database, shared: Connection, tmp_path: Path
) -> None:
    published = of_contracts(tmp_path, map_tiles=MAP_TILES, door_bells=DOOR_BELLS)
    box = {"xmin": "-9.142685", "ymin": "38.736946", "xmax": "-9.10", "ymax": "38.80"}
    published.append(
        "silver/map_tiles", row("r1", tile_id="t-1", rendered_at=NOON, **{k: Decimal(v) for k, v in box.items()})
    )
    published.append("silver/door_bells", row("r2", ring_id="r-1", rung_at=NOON))
    published.append("ops/dead_letters", dead_letter(1, subject="map_tiles"))
    assert publish(published, where) == {}
    assert fetch(shared, "SELECT xmin_::text, ymin::text, xmax_::text, ymax::text FROM map_tiles") == [
        ("-9.142685", "38.736946", "-9.100000", "38.800000")
    ]
    assert (
        fetch(shared, "SELECT count(*) FROM door_bells")
        == fetch(shared, "SELECT count(*) FROM dead_letter_events")
        == [1]
    )


def test_names_that_postgres_does_not_take_as_they_are_work_in_every_statement(
    where: Database, shared: Connection, tmp_path: Path
) -> None:
    texts = {
        "pg_class": contract("pg_class", "events", *HARD),
        "order": contract("order", "changes", *HARD),
        LONG: contract(LONG, "changes", *HARD),
        f"{LONG}_too": contract(f"{LONG}_too", "events", *HARD),
    }
    published = of_contracts(tmp_path, **texts)
    values = dict.fromkeys(HARD, "a")
    for subject in ("pg_class", f"{LONG}_too"):
        published.append(
            f"silver/{subject}", row("r1", at=NOON, **values), row("r2", at=NOON, **{**values, "xmin": "b"})
        )
    for subject in ("order", LONG):
        meta = {"_deleted": False, "_sequence": 1, "_change_id": "c", "_event_time": NOON}
        published.put(f"silver/{subject}", row("r1", **values, **meta), row("r2", **{**values, "xmin": "b"}, **meta))
        version = {"version": 1, "valid_from": NOON, "valid_to": datetime(9999, 12, 31, tzinfo=UTC), "is_current": True}
        published.put(f"gold/dim_{subject}", row("r1", **{f"{subject}_key": 1}, **values, **version))
    assert publish(published, where) == {}
    published.append("silver/pg_class", row("r3", at=NOON, **{**values, "xmin": "b", "user": "b"}))
    published.put("silver/order", row("r4", **{**values, "user": "b"}, **meta), gone=["b"])
    assert publish(published, where) == {}
    for name in ("silver/pg_class", "silver/order", "gold/dim_order", f"silver/{LONG}", f"silver/{LONG}_too"):
        assert published.is_equal(shared, name)
    assert fetch(shared, 'SELECT xmin_, xmin__, ctid_, "select", "user" FROM tallylake.v_order') == [
        ("a", "a", "a", "a", "b")
    ]
    assert fetch(shared, "SELECT count(*) FROM order_as_of(%s)", NOON) == [1]
    long = published.targets[f"silver/{LONG}"].name
    assert fetch(shared, f"SELECT count(*) FROM {long}_as_of(%s)", NOON) == [1]
    assert len(long) <= 57
    with pytest.raises(psycopg2.errors.CheckViolation):
        execute(shared, "UPDATE tallylake.pg_class SET xmin_ = 'c'")
