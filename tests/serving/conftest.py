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


@dataclass(frozen=True)
class Place:
    """The shop that is asked about: its rows, the API over it, and the owner's connection."""

    shop: Shop
    api: Served
    owner: Connection


@pytest.fixture(scope="module")
def place(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Place]:
    """A shop of the module's own, so that what one adds does not disturb the other."""
    name = request.module.__name__.rpartition(".")[2]
    database = replace(shared_server.database, name=name)
    owner = connect(database, "owner", application="tests")
    shop = fill(owner, tmp_path_factory.mktemp("lake"))
    with served(database) as api:
        yield Place(shop, api, owner)
    owner.close()


@pytest.fixture(scope="module")
def shop(place: Place) -> Shop:
    return place.shop


@pytest.fixture(scope="module")
def api(place: Place) -> Served:
    return place.api


@pytest.fixture(scope="module")
def owner(place: Place) -> Connection:
    return place.owner
