from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fastapi import Request
from pydantic import BaseModel
from support.api_server import served
from support.shop_tables import move_on

from serving.database import Pool
from serving.etag import MAX_BODIES, MAX_BODY_BYTES, ResponseCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import Response
    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.postgres_servers import Server

    from config.groups import Database
    from serving.database import Transaction


class Text(BaseModel):
    text: str


class Counted:
    """A question, and how often it was put."""

    def __init__(self, text: str = "x") -> None:
        self.text, self.times = text, 0

    def __call__(self, tx: Transaction) -> Text:
        self.times += 1
        return Text(text=self.text)


@pytest.fixture
def shops(shared_server: Server, owner: Connection) -> Database:
    """The database of this module's shop."""
    return replace(shared_server.database, name=owner.info.dbname)


@pytest.fixture
def give(shops: Database) -> Iterator[Callable[..., Response]]:
    """Gives the answer to a question that reads the products, at an address."""
    pool = Pool(shops)
    cache = ResponseCache(pool)

    def given(question: Counted, path: str = "/x", also: str = "") -> Response:
        scope = {"type": "http", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
        return cache.respond(Request(scope), ("products",), question, also)

    yield given
    pool.close()


def test_what_one_has_asked_is_kept_for_the_next_until_the_table_moves_on(
    give: Callable[..., Response], owner: Connection
) -> None:
    question = Counted()
    first, second = give(question), give(question)
    assert (question.times, first.body, first.headers["etag"]) == (1, second.body, second.headers["etag"])
    move_on(owner)
    assert give(question).headers["etag"] != first.headers["etag"]
    assert question.times == 2


def test_answers_differ_by_what_else_they_depend_on(give: Callable[..., Response]) -> None:
    question = Counted()
    tags = {give(question, also=also).headers["etag"] for also in ("", "now", "then", "now")}
    assert (len(tags), question.times) == (3, 3)


def test_the_longest_unasked_answer_makes_room(give: Callable[..., Response]) -> None:
    first, others = Counted(), Counted()
    for number in range(MAX_BODIES):
        give(first if number == 0 else others, f"/{number}")
    give(first, "/0")
    assert first.times == 1
    give(others, f"/{MAX_BODIES}")
    give(first, "/0")
    assert first.times == 1  # it was asked for more recently than /1
    give(others, "/1")
    assert others.times == MAX_BODIES - 1 + 2


def test_an_answer_that_is_large_is_given_and_not_kept(give: Callable[..., Response]) -> None:
    question = Counted("x" * MAX_BODY_BYTES)
    assert len(give(question).body) > MAX_BODY_BYTES
    give(question)
    assert question.times == 2


def test_a_question_that_fails_is_put_again(give: Callable[..., Response]) -> None:
    def failing(_: Transaction) -> Text:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            give(failing)
    assert give(Counted()).status_code == 200


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
