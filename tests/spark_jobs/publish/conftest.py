from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.lakes import house
from support.published_lake import PublishHouse

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection


@pytest.fixture
def home(tmp_path: Path, postgres: Connection) -> PublishHouse:
    """An empty lake, for which an empty database is prepared."""
    made = PublishHouse(house(tmp_path))
    made.prepare(postgres)
    return made
