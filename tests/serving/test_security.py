"""Covers serving/security.py, and how serving/app.py answers errors."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from support.api_server import served
from support.shop_tables import fill

from config.forms import Secret
from config.postgres import connect
from config.settings import Settings, load
from serving.app import create_app
from serving.errors import ServeError
from serving.security import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from support.api_server import Served
    from support.postgres_servers import Server

KEY = "Schlüssel-0123456789"
ASCII_KEY = "0123456789abcdef-secret"
#: A server that nobody runs.
NOWHERE = load({"DATABASE_URL": "postgresql://shop@127.0.0.1:1/shop"}, dotenv=None)


@pytest.fixture
def keyed() -> Iterator[httpx.Client]:
    """A client of a server with a key, which others may reach under a name of its own. No database is used."""
    with served(NOWHERE.database, host="0.0.0.0", api_key=Secret(KEY)) as api:
        api.client.headers["Host"] = "shop.example"
        yield api.client


def responses(app: FastAPI, *paths: str) -> list[httpx.Response]:
    """Return the responses of an application without a server, one after the other."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def test_who_has_no_key_is_told_how_to_send_one(keyed: httpx.Client) -> None:
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "é"}, {"Authorization": f"Bearer {KEY}"}):
        found = keyed.get("/api/v1/status", headers={name.encode(): value.encode() for name, value in headers.items()})
        assert (found.status_code, found.headers["www-authenticate"]) == (401, "ApiKey")
        assert "X-API-Key" in found.json()["error"]
        assert found.headers["x-content-type-options"] == "nosniff"


def test_a_key_may_hold_any_letters(keyed: httpx.Client) -> None:
    assert keyed.get("/api/v1/books?limit=0", headers={b"X-API-Key": KEY.encode()}).status_code == 422


def test_no_spelling_of_an_address_gets_around_the_key(keyed: httpx.Client) -> None:
    for path in (
        "//api/v1/status",
        "/api/v1/status/",
        "/API/v1/status",
        "/page/../api/v1/status",
        "/./api/v1/status",
        "/metrics/",
    ):
        assert keyed.get(path).status_code in (401, 404)
    assert keyed.get("/api/v1/status?x=/health").status_code == 401
    assert keyed.get("/page/%2e%2e/%2e%2e/api/v1/status").status_code == 404


def test_the_document_says_that_a_key_is_needed_where_one_is(keyed: httpx.Client, api: Served) -> None:
    document = keyed.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    assert all(path["get"].get("security") for name, path in document["paths"].items() if name.startswith("/api/"))
    assert "securitySchemes" not in api.get("/openapi.json").json()["components"]


def test_a_mistake_of_ours_is_a_sentence_and_its_reason_is_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(NOWHERE)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the inside of things")

    with caplog.at_level(logging.ERROR):
        found, counted = responses(app, "/broken", "/metrics")
    assert (found.status_code, set(found.json())) == (500, {"error", "field"})
    assert "inside" not in found.text
    assert "the inside of things" in caplog.text
    assert "default-src 'self'" in found.headers["content-security-policy"]
    assert 'tallylake_request_seconds_count{route="/broken",status="500"} 1.0' in counted.text


def test_other_methods_are_refused_with_those_allowed(api: Served) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        found = api.client.request(method, "/api/v1/books")
        assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD")
        assert found.json()["error"].startswith(f"{method} is not for this address")


def test_an_unknown_path_is_answered_with_a_sentence(api: Served) -> None:
    for path in ("/none", "/docs", "/redoc", "/api/v1", "/api/v1/none", "/page/none.js", "/page/", "/page/../app.py"):
        found = api.get(path)
        body = {"error": "there is nothing at this address: /openapi.json lists what there is", "field": None}
        assert (found.status_code, found.json()) == (404, body)


def test_browsers_ask_whether_the_pages_files_have_changed(api: Served) -> None:
    found = api.get("/page/format.js")
    assert (found.status_code, found.headers["cache-control"]) == (200, "no-cache")
    again = api.get("/page/format.js", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


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


def test_with_a_key_only_who_has_it_is_answered(shared_server: Server, tmp_path: Path) -> None:
    database = replace(shared_server.database, name="keyed")
    owner = connect(database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(database, api_key=Secret(ASCII_KEY)) as api:
        for path in ("/api/v1/status", "/metrics"):
            assert api.get(path).status_code == 401
            assert api.get(path, headers={"X-API-Key": ASCII_KEY[:-1]}).status_code == 401
            assert api.get(path, headers={"X-API-Key": ASCII_KEY}).status_code == 200
        for path in ("/health", "/ready", "/openapi.json"):
            assert api.get(path).status_code == 200
        assert ASCII_KEY not in api.get("/api/v1/status").text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_without_a_key_nobody_else_is_listened_to(host: str) -> None:
    settings = Settings()
    with pytest.raises(ServeError, match="set API_KEY"):
        create_app(replace(settings, serving=replace(settings.serving, host=host)))
    create_app(replace(settings, serving=replace(settings.serving, host=host, api_key=Secret(ASCII_KEY))))


def test_what_counts_as_this_machine() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.example", "10.0.0.1", "")))
