from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from support.dockerfile import DOCKER

from config.postgres import connect

if TYPE_CHECKING:
    from support.postgres_servers import Debian

SHOP = ("customers", "products", "orders", "order_items", "payments")


def test_what_the_connector_captures_is_what_the_source_publishes_and_its_heart_beats(debian: Debian) -> None:
    config = json.loads((DOCKER / "connect" / "shop.json").read_text(encoding="utf-8"))["config"]
    with closing(connect(debian.database, "owner", application="tests")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE debezium")
        cursor.execute(";".join(f"CREATE TABLE {name} (id int PRIMARY KEY)" for name in SHOP))
        cursor.execute((DOCKER / "connect" / "source.sql").read_text(encoding="utf-8"))
        cursor.execute(
            "SELECT pubname, schemaname || '.' || tablename, relreplident FROM pg_publication_tables "
            "JOIN pg_class ON oid = (schemaname || '.' || tablename)::regclass"
        )
        published = cursor.fetchall()
        cursor.execute("GRANT debezium TO CURRENT_USER; SET ROLE debezium")
        cursor.execute(config["heartbeat.action.query"])
        assert cursor.rowcount == 1
    assert {(name, identity) for name, _, identity in published} == {(config["publication.name"], "d")}
    assert {table for _, table, _ in published} == set(config["table.include.list"].split(","))
