from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from support.api_server import Served, served
from support.shop_tables import Shop, fill

from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection
    from support.postgres_servers import Server

    from config.groups import Database


@dataclass(frozen=True)
class ServedShop:
    """A shop: its rows, the API over it, and a connection of its database's owner."""

    shop: Shop
    api: Served
    owner: Connection


@pytest.fixture(scope="module")
def served_shop(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[ServedShop]:
    """A shop for each module, so that what one adds does not disturb the other."""
    name = request.module.__name__.rpartition(".")[2]
    database = replace(shared_server.database, name=name)
    owner = connect(database, "owner", application="tests")
    shop = fill(owner, tmp_path_factory.mktemp("lake"))
    with served(database) as api:
        yield ServedShop(shop, api, owner)
    owner.close()


@pytest.fixture(scope="module")
def shop(served_shop: ServedShop) -> Shop:
    return served_shop.shop


@pytest.fixture(scope="module")
def api(served_shop: ServedShop) -> Served:
    return served_shop.api


@pytest.fixture(scope="module")
def owner(served_shop: ServedShop) -> Connection:
    return served_shop.owner


@pytest.fixture
def shops(shared_server: Server, owner: Connection) -> Database:
    """The database of this module's shop."""
    return replace(shared_server.database, name=owner.info.dbname)
