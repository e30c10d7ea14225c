"""The whole application over HTTP: injection, methods, outages of the database. Covers serving/app.py and serving/errors.py.

Covers: serving.errors, serving.routes.dependencies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from support.api_server import served
from support.shop_tables import fill
from support.waiting import wait_until

from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def url_with(
    path: str, parameters: list[dict[str, Any]], chosen: dict[str, Any], nasty: str
) -> tuple[str, dict[str, str]]:
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
    """Return the tables of the database with their numbers of rows."""
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
                where, params = url_with(path, parameters, chosen, nasty)
                found = api.get(where, params=params)
                assert found.status_code in (200, 404, 422), (where, params, found.text)
                body = found.json()
                assert found.status_code == 200 or set(body) == {"error", "field"}, (where, params, body)
                assert "psycopg2" not in found.text
                assert "Traceback" not in found.text
                tried += 1
    assert tried > 900
    assert content(owner) == before


def test_a_from_after_to_is_refused_with_a_sentence(api: Served) -> None:
    found = api.get("/api/v1/revenue/daily?from=2026-01-02&to=2026-01-01")
    assert (found.status_code, found.json()) == (422, {"error": "from is after to: swap them", "field": "from"})


def test_the_api_only_reads(api: Served) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.client.request(method, "/api/v1/books").status_code == 405


def test_a_database_that_goes_away_is_reported_and_used_again(debian: Debian, tmp_path: Path) -> None:
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
        wait_until(lambda: api.get("/ready").json()["ready"])  # it is at most a second old


def test_before_anything_was_published_it_says_what_to_run(shared_server: Server) -> None:
    with served(replace(shared_server.database, name="nothing")) as api:
        found = api.get("/api/v1/status")
        assert found.status_code == 503
        assert "run `tally stream` or `tally publish`" in found.json()["error"]
        assert api.get("/ready").json()["database"] == "empty"
