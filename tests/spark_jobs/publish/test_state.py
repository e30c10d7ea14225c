from __future__ import annotations

from typing import TYPE_CHECKING

from support.published_lake import PublishedLake, event

from spark_jobs.cli.status import run_status
from spark_jobs.publish.state import read_state

if TYPE_CHECKING:
    import pytest

    from config.groups import Database

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"


def test_the_state_says_how_far_each_table_is_and_what_it_lacks(filled: PublishedLake, database: Database) -> None:
    filled.publisher(database).catch_up()
    filled.append(EVENTS, event(99))
    state = read_state(filled.lake)
    assert state is not None
    assert {one.table: one.behind for one in state.tables} == {"ecommerce_events": 1, "products": 0}
    assert (state.running, state.circuit, state.error) == (False, "closed", "")


def test_status_tells_people_and_machines(
    filled: PublishedLake, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    own = filled.settings(database)
    run_status(own, ["products"], json=False)
    assert "nothing was published from this lake yet" in capsys.readouterr().out
    filled.publisher(database).catch_up()
    filled.append(EVENTS, event(99))
    run_status(own, ["products"], json=False)
    shown = capsys.readouterr().out
    assert "1 tables up to date" in shown
    assert "Not published yet" in shown
    run_status(own, ["products"], json=True)
    assert '"behind": 0' in capsys.readouterr().out
