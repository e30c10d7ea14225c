"""Covers serving/response_cache.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import Request
from pydantic import BaseModel
from support.api_server import served
from support.shop_tables import books, insert, move_on

from serving.database import Pool
from serving.response_cache import MAX_BODIES, MAX_BODY_BYTES, ResponseCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import Response
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served

    from config.groups import Database
    from serving.database import Transaction


class Text(BaseModel):
    text: str


class CountingQuery:
    """A query, and how often it was run."""

    def __init__(self, text: str = "x") -> None:
        self.text, self.times = text, 0

    def __call__(self, tx: Transaction) -> Text:
        self.times += 1
        return Text(text=self.text)


@pytest.fixture
def respond_to(shops: Database) -> Iterator[Callable[..., Response]]:
    """Return a function that responds to a request for a path with a query that reads the products."""
    pool = Pool(shops)
    cache = ResponseCache(pool)

    def respond(query: CountingQuery, path: str = "/x", also: str = "") -> Response:
        scope = {"type": "http", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
        return cache.respond(Request(scope), ("products",), query, also)

    yield respond
    pool.close()


def test_a_response_is_kept_for_the_next_client_until_the_table_has_a_new_version(
    respond_to: Callable[..., Response], owner: Connection
) -> None:
    query = CountingQuery()
    first, second = respond_to(query), respond_to(query)
    assert (query.times, first.body, first.headers["etag"]) == (1, second.body, second.headers["etag"])
    move_on(owner)
    assert respond_to(query).headers["etag"] != first.headers["etag"]
    assert query.times == 2


def test_answers_differ_by_what_else_they_depend_on(respond_to: Callable[..., Response]) -> None:
    query = CountingQuery()
    tags = {respond_to(query, also=also).headers["etag"] for also in ("", "now", "then", "now")}
    assert (len(tags), query.times) == (3, 3)


def test_the_response_unused_for_longest_is_dropped(respond_to: Callable[..., Response]) -> None:
    first, others = CountingQuery(), CountingQuery()
    for number in range(MAX_BODIES):
        respond_to(first if number == 0 else others, f"/{number}")
    respond_to(first, "/0")
    assert first.times == 1
    respond_to(others, f"/{MAX_BODIES}")
    respond_to(first, "/0")
    assert first.times == 1  # it was asked for more recently than /1
    respond_to(others, "/1")
    assert others.times == MAX_BODIES - 1 + 2


def test_an_answer_that_is_large_is_given_and_not_kept(respond_to: Callable[..., Response]) -> None:
    query = CountingQuery("x" * MAX_BODY_BYTES)
    assert len(respond_to(query).body) > MAX_BODY_BYTES
    respond_to(query)
    assert query.times == 2


def test_a_query_that_failed_is_run_again(respond_to: Callable[..., Response]) -> None:
    def failing(_: Transaction) -> Text:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            respond_to(failing)
    assert respond_to(CountingQuery()).status_code == 200


def test_an_etag_is_known_whether_it_is_called_weak_or_not(api: Served) -> None:
    weak = api.get("/api/v1/segments").headers["etag"]
    for known in (weak, weak.removeprefix("W/"), f'"a", {weak}', f'{weak},W/"b"'):
        assert api.get("/api/v1/segments", headers={"If-None-Match": known}).status_code == 304
    for unknown in ("*", weak[:-2] + '"', '""', ""):
        assert api.get("/api/v1/segments", headers={"If-None-Match": unknown}).status_code == 200


def test_other_targets_are_another_status(api: Served, shops: Database) -> None:
    tag = api.get("/api/v1/status").headers["etag"]
    with served(shops, validity_target=0.5) as other:
        found = other.get("/api/v1/status", headers={"If-None-Match": tag})
    assert found.json()["targets"]["validity"] == 0.5


def test_refusals_are_not_kept_and_have_no_etag(api: Served) -> None:
    for path in ("/api/v1/customers/999/history", "/api/v1/books?limit=0", "/api/v1/none"):
        assert "etag" not in api.get(path).headers


def test_a_response_that_the_client_has_is_not_sent_again_until_the_lake_has_a_new_version(
    api: Served, owner: Connection
) -> None:
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
