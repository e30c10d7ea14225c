from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import httpx
import pytest
from support.api_server import served

from config.forms import Secret
from config.settings import load
from serving.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from support.api_server import Served

KEY = "Schlüssel-0123456789"
#: A server that nobody runs.
NOWHERE = load({"DATABASE_URL": "postgresql://shop@127.0.0.1:1/shop"}, dotenv=None)


@pytest.fixture
def keyed() -> Iterator[httpx.Client]:
    """Asks a server that others may reach, with a key, by a name of its own. No database is asked."""
    with served(NOWHERE.database, host="0.0.0.0", api_key=Secret(KEY)) as api:
        api.client.headers["Host"] = "shop.example"
        yield api.client


def asked(app: FastAPI, *paths: str) -> list[httpx.Response]:
    """The answers of an application that is not served, one after the other."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def test_who_has_no_key_is_told_how_to_send_one(keyed: httpx.Client) -> None:
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "é"}, {"Authorization": f"Bearer {KEY}"}):
        found = keyed.get("/api/v1/status", headers={name: value.encode() for name, value in headers.items()})
        assert (found.status_code, found.headers["www-authenticate"]) == (401, "ApiKey")
        assert "X-API-Key" in found.json()["error"]
        assert found.headers["x-content-type-options"] == "nosniff"


def test_a_key_may_hold_any_letters(keyed: httpx.Client) -> None:
    assert keyed.get("/api/v1/books?limit=0", headers={"X-API-Key": KEY.encode()}).status_code == 422


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
    told = keyed.get("/openapi.json").json()
    (scheme,) = told["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-Key")
    assert all(path["get"].get("security") for name, path in told["paths"].items() if name.startswith("/api/"))
    assert "securitySchemes" not in api.get("/openapi.json").json()["components"]


def test_a_mistake_of_ours_is_a_sentence_and_its_reason_is_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(NOWHERE)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the inside of things")

    with caplog.at_level(logging.ERROR):
        found, counted = asked(app, "/broken", "/metrics")
    assert (found.status_code, set(found.json())) == (500, {"error", "field"})
    assert "inside" not in found.text
    assert "the inside of things" in caplog.text
    assert "default-src 'self'" in found.headers["content-security-policy"]
    assert 'tallylake_request_seconds_count{route="/broken",status="500"} 1.0' in counted.text


def test_other_methods_are_told_which_there_is(api: Served) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        found = api.client.request(method, "/api/v1/books")
        assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD")
        assert found.json()["error"].startswith(f"{method} is not for this address")


def test_what_is_not_there_is_told_in_a_sentence(api: Served) -> None:
    for path in ("/none", "/docs", "/redoc", "/api/v1", "/api/v1/none", "/page/none.js", "/page/", "/page/../app.py"):
        found = api.get(path)
        told = {"error": "there is nothing at this address: /openapi.json lists what there is", "field": None}
        assert (found.status_code, found.json()) == (404, told)


def test_browsers_ask_whether_the_pages_files_have_changed(api: Served) -> None:
    found = api.get("/page/format.js")
    assert (found.status_code, found.headers["cache-control"]) == (200, "no-cache")
    again = api.get("/page/format.js", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
