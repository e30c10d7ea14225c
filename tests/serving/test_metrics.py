"""Covers serving/metrics.py; how requests are counted is also in test_security.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.shop_tables import NOW, insert

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served


def test_the_metrics_are_those_of_the_status(api: Served) -> None:
    found, text = api.json("/status"), api.get("/metrics").text
    for one in found["subjects"]:
        assert f'tallylake_rows_total{{fate="accepted",subject="{one["subject"]}"}} {float(one["accepted"])}' in text
    assert f"tallylake_open_dead_letters {float(found['open_dead_letters'])}" in text
    assert 'route="/api/v1/status",status="200"' in text
    assert "tallylake_up 1.0" in text


def test_a_stopped_stream_is_in_the_status_with_since_when_and_why_and_in_the_metrics(
    api: Served, owner: Connection
) -> None:
    assert api.json("/status")["streams"] == []
    state = {"subject": "orders", "query": "refine", "state": "retrying", "since": NOW, "failures": 7}
    insert(owner, "stream_state", [{**state, "error": "OSError: no room", "step": "", "heard_at": NOW}])
    (found,) = api.json("/status")["streams"]
    moment = "2026-01-29T12:30:00Z"
    assert found == {**state, "error": "OSError: no room", "step": "", "since": moment, "heard_at": moment}
    text = api.get("/metrics").text
    assert 'tallylake_stands_still{query="refine",state="retrying",subject="orders"} 1.0' in text
    running = "UPDATE stream_state SET state = 'running', since = NULL, failures = 0, error = ''"
    with owner, owner.cursor() as cursor:
        cursor.execute(running)
    assert api.json("/status")["streams"][0]["state"] == "running"
    assert 'tallylake_stands_still{query="refine",state="running",subject="orders"} 0.0' in api.get("/metrics").text
