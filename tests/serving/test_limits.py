"""Covers serving/limits.py over real connections."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import Response
from support.api_server import Served, served, serving

from config.settings import load
from serving import limits, serve
from serving.app import create_app
from serving.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = load({"DATABASE_URL": "postgresql://shop:s3cret-word@127.0.0.1:1/shop"}, None)
ADDRESSES = ("/health", "/ready", "/", "/api/v1/status", "/metrics", "/openapi.json", "/page/main.js", "/none")


@contextmanager
def connected(api: Served) -> Iterator[socket.socket]:
    host, _, port = api.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as made:
        yield made


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture(scope="module")
def away() -> Iterator[Served]:
    """An API whose database is nowhere."""
    with served(SETTINGS.database) as api:
        yield api


def test_head_is_answered_where_get_is_without_a_body(api: Served) -> None:
    for address in ADDRESSES:
        head, get = api.client.head(address), api.get(address)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.status_code == (404 if address == "/none" else 200)
        for name in ("content-type", "etag", "cache-control", "x-content-type-options"):
            assert head.headers.get(name) == get.headers.get(name)
        assert address == "/metrics" or head.headers["content-length"] == str(len(get.content))
    known = {"If-None-Match": api.get("/api/v1/status").headers["etag"]}
    assert api.client.head("/api/v1/status", headers=known).status_code == 304


def test_head_needs_the_key_too() -> None:
    with served(SETTINGS.database, api_key=load({"API_KEY": "0123456789abcdef"}, None).serving.api_key) as api:
        assert (api.client.head("/api/v1/status").status_code, api.client.head("/health").status_code) == (401, 200)


def test_other_methods_are_told_which_are_allowed(away: Served) -> None:
    for method in ("OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        found = away.client.request(method, "/api/v1/status")
        assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "headers",
    [f"Content-Length: {MAX_BODY_BYTES + 1}", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked"],
)
def test_a_large_body_is_not_waited_for(away: Served, headers: str) -> None:
    for method in ("GET", "POST"):
        with connected(away) as connection:
            connection.sendall(f"{method} /health HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode())
            answer = everything(connection)
            assert answer.startswith(b"HTTP/1.1 413")
            assert b"no body of more than 65,536 bytes" in answer


def test_a_small_body_hinders_nothing(away: Served) -> None:
    assert away.client.request("GET", "/health", content=b"x" * MAX_BODY_BYTES).status_code == 200
    assert away.client.request("GET", "/health", content=b"").status_code == 200


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HTTP/1.1\r\nHost: loc", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]
)
def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.05)
    with served(SETTINGS.database) as api, connected(api) as connection:
        connection.sendall(sent)
        assert everything(connection).count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.02)
    closed = threading.Event()
    before = limits.TimeoutProtocol.connection_lost

    def lost(self: limits.TimeoutProtocol, error: Exception | None) -> None:
        before(self, error)
        closed.set()

    monkeypatch.setattr(limits.TimeoutProtocol, "connection_lost", lost)
    app = create_app(SETTINGS)

    @app.get("/large")
    def large() -> Response:
        return Response(b"x" * (64 << 20))

    with serving(app) as api, connected(api) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert closed.wait(30)


def test_more_connections_than_allowed_get_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS", 3)
    with served(SETTINGS.database) as api:
        assert api.get("/health").status_code == 200
        with connected(api) as one, connected(api) as other:
            for each in (one, other):
                each.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                each.recv(65_536)
            assert httpx.get(f"{api.address}/health").status_code == 503
        with httpx.Client(base_url=api.address) as later:
            while later.get("/health").status_code != 200:  # until the server has seen that they were closed
                later.get("/health")
