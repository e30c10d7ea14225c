"""How the API is asked: ETags, keys, hosts, bad parameters, attempts at injection, a database that goes away."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from support.api_server import served
from support.published_lake import until
from support.shop_tables import books, fill, insert, move_on

from config.forms import Secret
from config.postgres import connect
from config.settings import Settings
from serving.app import create_app
from serving.errors import ServeError
from serving.security import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.postgres_servers import Debian, Server

KEY = "0123456789abcdef-secret"
NASTY = (
    "'",
    "''; DROP TABLE ecommerce_events; --",
    '" OR 1=1 --',
    "1 OR 1=1",
    "1; SELECT pg_sleep(9)",
    "$$; DROP TABLE products; $$",
    "%",
    "_",
    "\\",
    "%s %(x)s {0}",
    "../../../etc/passwd",
    "\0",
    "a\0b",
    "ü😀\u2028",
    "99999999999999999999999999",
    "-1",
    "NaN",
    "",
    " ",
    "null",
    "9" * 400,
    "2026-02-30",
    "0000-00-00",
    "infinity",
)


def operations(api: Served) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every address of the OpenAPI document, with its parameters."""
    for path, found in api.get("/openapi.json").json()["paths"].items():
        yield path, found["get"].get("parameters", [])


def asked(
    path: str, parameters: list[dict[str, Any]], chosen: dict[str, Any], nasty: str
) -> httpx.URL | tuple[str, dict[str, str]]:
    """The address with a nasty text in one parameter, and harmless numbers in the path's others."""
    params = {}
    for one in parameters:
        value = nasty if one is chosen else "1"
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(value, safe="") or "%20")
        elif one is chosen:
            params[one["name"]] = value
    return path, params


def content(owner: Connection) -> list[Any]:
    """What is in the database: tables, and how many rows each has."""
    with owner, owner.cursor() as cursor:
        cursor.execute("SELECT relname, n_live_tup FROM pg_stat_user_tables ORDER BY 1")
        names = [row[0] for row in cursor.fetchall()]
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM \"{name}\"" for name in names))
        return cursor.fetchall()


def test_whatever_any_parameter_holds_is_data_and_never_sql(api: Served, owner: Connection) -> None:
    before, tried = content(owner), 0
    for path, parameters in operations(api):
        for chosen in parameters:
            for nasty in NASTY:
                where, params = asked(path, parameters, chosen, nasty)
                found = api.get(where, params=params)
                assert found.status_code in (200, 404, 422), (where, params, found.text)
                told = found.json()
                assert found.status_code == 200 or set(told) == {"error", "field"}, (where, params, told)
                assert "psycopg2" not in found.text
                assert "Traceback" not in found.text
                tried += 1
    assert tried > 900
    assert content(owner) == before


@pytest.mark.parametrize(
    "key", [["x"], [1, "a", "b", 2], ["2026-01-01T00:00:00Z", "a\0", "b", 2], {}, None, [["2026"]]]
)
def test_a_cursor_that_was_made_up_is_refused(api: Served, key: Any) -> None:
    made_up = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    for path in ("books", "dead-letters", "revenue/daily", "products", "customers/lifetime-value"):
        found = api.get(f"/api/v1/{path}", params={"cursor": made_up})
        assert (found.status_code, found.json()["field"]) == (422, "cursor")


def test_an_answer_that_is_known_is_not_sent_again_until_the_lake_moves_on(api: Served, owner: Connection) -> None:
    first = api.get("/api/v1/status")
    assert first.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": f'W/"other", {first.headers["etag"]}'}
    again = api.get("/api/v1/status", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    insert(owner, "data_quality_metrics", [books(900)])
    move_on(owner)
    moved = api.get("/api/v1/status", headers=known)
    assert moved.status_code == 200
    assert moved.json()["totals"]["rows_read"] == first.json()["totals"]["rows_read"] + 100


def test_etags_differ_by_parameters_and_not_by_their_order(api: Served) -> None:
    def tag(path: str) -> str:
        return api.get(f"/api/v1/{path}").headers["etag"]

    assert tag("books?limit=1&subject=orders") == tag("books?subject=orders&limit=1")
    assert len({tag("books"), tag("books?limit=1"), tag("books?limit=2"), tag("quality")}) == 4


def test_a_from_after_to_is_told_in_a_sentence(api: Served) -> None:
    found = api.get("/api/v1/revenue/daily?from=2026-01-02&to=2026-01-01")
    assert (found.status_code, found.json()) == (422, {"error": "from is after to: swap them", "field": "from"})


def test_the_api_only_reads(api: Served) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.client.request(method, "/api/v1/books").status_code == 405


def test_another_hosts_name_is_refused(api: Served) -> None:
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "["):
        assert api.get("/api/v1/status", headers={"Host": host}).status_code == 400
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"):
        assert api.get("/api/v1/status", headers={"Host": host}).status_code == 200


def test_every_answer_has_safe_headers(api: Served) -> None:
    for path in ("/health", "/api/v1/status", "/api/v1/books?limit=0", "/none"):
        found = api.get(path).headers
        assert "default-src 'self'" in found["content-security-policy"]
        assert found["x-content-type-options"] == "nosniff"
        assert "server" not in found


def test_prometheus_is_told_what_the_status_says(api: Served) -> None:
    told, found = api.get("/metrics").text, api.json("/status")
    for one in found["subjects"]:
        assert f'tallylake_rows_total{{fate="accepted",subject="{one["subject"]}"}} {float(one["accepted"])}' in told
    assert f"tallylake_open_dead_letters {float(found['open_dead_letters'])}" in told
    assert 'route="/api/v1/status",status="200"' in told
    assert "tallylake_up 1.0" in told


def test_with_a_key_only_who_has_it_is_answered(shared_server: Server, tmp_path: Path) -> None:
    database = replace(shared_server.database, name="keyed")
    owner = connect(database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(database, api_key=Secret(KEY)) as api:
        for path in ("/api/v1/status", "/metrics"):
            assert api.get(path).status_code == 401
            assert api.get(path, headers={"X-API-Key": KEY[:-1]}).status_code == 401
            assert api.get(path, headers={"X-API-Key": KEY}).status_code == 200
        for path in ("/health", "/ready", "/openapi.json"):
            assert api.get(path).status_code == 200
        assert KEY not in api.get("/api/v1/status").text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_without_a_key_nobody_else_is_listened_to(host: str) -> None:
    settings = Settings()
    with pytest.raises(ServeError, match="set API_KEY"):
        create_app(replace(settings, serving=replace(settings.serving, host=host)))
    create_app(replace(settings, serving=replace(settings.serving, host=host, api_key=Secret(KEY))))


def test_what_counts_as_this_machine() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.example", "10.0.0.1", "")))


def test_a_database_that_goes_away_is_told_and_found_again(debian: Debian, tmp_path: Path) -> None:
    owner = connect(debian.database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(debian.database) as api:
        before = api.json("/status")
        debian.kill()
        for _ in range(2):
            away = api.get("/api/v1/status")
            assert (away.status_code, away.json()["field"]) == (503, None)
            assert "s3cr" not in away.text
        assert (api.get("/ready").status_code, api.get("/ready").json()["database"]) == (503, "away")
        assert api.get("/health").status_code == 200
        assert "tallylake_up 0.0" in api.get("/metrics").text
        debian.start()
        assert api.json("/status") == before
        until(lambda: api.get("/ready").json()["ready"])  # it is at most a second old


def test_before_anything_was_published_it_says_what_to_run(shared_server: Server) -> None:
    with served(replace(shared_server.database, name="nothing")) as api:
        found = api.get("/api/v1/status")
        assert found.status_code == 503
        assert "run `tally stream` or `tally publish`" in found.json()["error"]
        assert api.get("/ready").json()["database"] == "empty"


def test_a_port_that_is_taken_is_told_in_a_sentence_with_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "spark_jobs", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "cannot be listened to" in done.stderr
    assert "Traceback" not in done.stderr
