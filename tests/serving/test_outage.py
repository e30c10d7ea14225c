"""Covers serving/outage.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.api_server import served

from config.errors import DatabaseError
from config.settings import load
from serving.errors import PoolTimeoutError
from serving.outage import AWAY, REFUSED, UNPUBLISHED, Outages

if TYPE_CHECKING:
    import pytest

SETTINGS = load({"DATABASE_URL": "postgresql://shop:s3cret-word@127.0.0.1:1/shop"}, None)


def test_no_answer_says_where_the_database_is_and_the_log_does(caplog: pytest.LogCaptureFixture) -> None:
    with served(SETTINGS.database) as api:
        found = [api.get(address) for address in ("/api/v1/status", "/api/v1/segments", "/ready", "/metrics")]
    assert found[0].json() == found[1].json() == {"error": AWAY, "field": None}
    assert [one.status_code for one in found] == [503, 503, 503, 200]
    assert not any("127.0.0.1" in one.text or "shop" in one.text for one in found)
    assert caplog.text.count("127.0.0.1:1/shop") == 1
    assert "s3cret-word" not in caplog.text


def test_an_outage_is_one_line_a_minute_in_the_log_and_a_sentence_to_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    outages = Outages(lambda: now[0])
    unreachable = DatabaseError("db.example:5432/shop cannot be reached: Connection refused", away=True)
    assert {outages.sentence_for(unreachable) for _ in range(50)} == {AWAY}
    assert [record.getMessage() for record in caplog.records] == [str(unreachable)]
    now[0] = 60.0
    outages.sentence_for(unreachable)
    assert len(caplog.records) == 2
    refused = DatabaseError('db.example:5432/shop refuses the login: password for "shop"', away=False)
    empty = DatabaseError("nothing has been published to db.example:5432/shop yet: run `tally stream`", away=False)
    assert (outages.sentence_for(refused), outages.sentence_for(empty)) == (REFUSED, UNPUBLISHED)
    assert outages.sentence_for(PoolTimeoutError()) == "too many questions wait for the database: ask again in a moment"
