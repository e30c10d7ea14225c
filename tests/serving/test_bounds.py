from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import Response
from support.api_server import Served, served, serving

from config.errors import DatabaseError
from config.settings import load
from serving import limits, serve
from serving.app import create_app
from serving.limits import MAX_BODY_BYTES
from serving.outage import AWAY, REFUSED, UNPUBLISHED, Outages, PoolTimeoutError, Readiness, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def test_what_is_neither_is_told_which_there_are(away: Served) -> None:
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
    "said", [b"", b"GET /health HTTP/1.1\r\nHost: loc", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]
)
def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.05)
    with served(SETTINGS.database) as api, connected(api) as connection:
        connection.sendall(said)
        assert everything(connection).count(b"HTTP/1.1 200") == said.count(b"\r\n\r\n")


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


def test_more_connections_than_there_may_be_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS", 3)
    with served(SETTINGS.database) as api:
        assert api.get("/health").status_code == 200
        with connected(api) as one, connected(api) as other:
            for each in (one, other):
                each.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                each.recv(65_536)
            assert httpx.get(f"{api.address}/health").status_code == 503
        with httpx.Client(base_url=api.address) as later:
            while later.get("/health").status_code != 200:  # until the server has seen that they are gone
                later.get("/health")


class Asked:
    """A pool that counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0
        self.hold, self.begun = threading.Event(), threading.Event()
        self.hold.set()

    def run(self, _: Callable[..., Ready]) -> Ready:
        self.times += 1
        self.begun.set()
        assert self.hold.wait(30)
        return Ready(ready=self.times % 2 == 1, database="ok")


def test_ready_asks_the_database_once_a_second_whoever_asks() -> None:
    pool, now = Asked(), [0.0]
    readiness = Readiness(pool, lambda: now[0])  # type: ignore[arg-type]
    assert [readiness.now().ready for _ in range(100)] == [True] * 100
    assert pool.times == 1
    now[0] = 1.0
    assert [readiness.now().ready for _ in range(100)] == [False] * 100
    assert pool.times == 2


def test_while_one_asks_whether_it_is_ready_the_others_do_not_wait() -> None:
    pool, now = Asked(), [0.0]
    readiness = Readiness(pool, lambda: now[0])  # type: ignore[arg-type]
    readiness.now()
    pool.hold.clear()
    pool.begun.clear()
    now[0] = 5.0
    one = threading.Thread(target=readiness.now)
    one.start()
    assert pool.begun.wait(30)
    assert readiness.now().ready
    pool.hold.set()
    one.join()
    assert not readiness.now().ready


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
    gone = DatabaseError("db.example:5432/shop cannot be reached: Connection refused", away=True)
    assert {outages.sentence_for(gone) for _ in range(50)} == {AWAY}
    assert [record.getMessage() for record in caplog.records] == [str(gone)]
    now[0] = 60.0
    outages.sentence_for(gone)
    assert len(caplog.records) == 2
    refused = DatabaseError('db.example:5432/shop refuses the login: password for "shop"', away=False)
    empty = DatabaseError("nothing has been published to db.example:5432/shop yet: run `tally stream`", away=False)
    assert (outages.sentence_for(refused), outages.sentence_for(empty)) == (REFUSED, UNPUBLISHED)
    assert outages.sentence_for(PoolTimeoutError()) == "too many questions wait for the database: ask again in a moment"
