from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.lakes import new_workspace
from support.published_lake import PublishedLake, event, product

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection


@pytest.fixture
def published(tmp_path: Path, postgres: Connection) -> PublishedLake:
    """An empty lake, for which an empty database is prepared."""
    made = PublishedLake(new_workspace(tmp_path))
    made.prepare(postgres)
    return made


@pytest.fixture
def filled(published: PublishedLake) -> PublishedLake:
    """Twenty events and twenty products, of which nothing is published."""
    published.append("silver/ecommerce_events", *map(event, range(20)))
    published.put("silver/products", *map(product, range(20)))
    return published
