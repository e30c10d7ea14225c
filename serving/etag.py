"""Answers with ETags: an answer is a function of the request and of the versions of the tables that it is read from.

So whoever has it already is told so (304) without the question being put, and what one viewer has asked is kept for the next.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from fastapi import Response

from config.escaping import escape_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request
    from pydantic import BaseModel

    from serving.database import Pool, Questions

#: Answers that are kept, none of more bytes than that: a dead letter may be as large as its file.
KEPT, KEPT_BYTES = 256, 1 << 20
POSITIONS = """
SELECT lake_table, lake_table_id, version FROM published_tables
WHERE %(names)s::text[] IS NULL OR table_name = ANY(%(names)s)
UNION ALL SELECT 'how ' || query || ' of ' || subject || ' stands', state || heard_at, failures FROM stream_state
WHERE %(names)s::text[] IS NULL ORDER BY 1
"""
HEADERS = {"Cache-Control": "private, no-cache"}
PRODUCT = version("tallylake")


class Answers:
    """Gives answers from one moment of the database, each with the ETag of what it was made from."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._guard = threading.Lock()
        self._making: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def give(
        self,
        request: Request,
        tables: Sequence[str] | None,
        question: Callable[[Questions], BaseModel],
        also: str = "",
    ) -> Response:
        """The answer to a request that reads these tables (all: None); only "the same" where who asks has its ETag.

        ``also``: what else the answer depends on, such as the moment that was meant by leaving it out.
        """
        names = list(tables) if tables is not None else None

        def given(ask: Questions) -> Response:
            positions = [str(row) for row in ask.rows(POSITIONS, {"names": names})]
            return self._given(request, _tag(request, [*positions, also]), question, ask)

        return self._pool.ask(given)

    def _given(
        self, request: Request, tag: str, question: Callable[[Questions], BaseModel], ask: Questions
    ) -> Response:
        headers = {**HEADERS, "ETag": tag}
        if tag.removeprefix("W/") in _known(request):
            return Response(status_code=304, headers=headers)
        # Of those who ask for the same at once one makes it, and the others get what was made.
        with self._lock(tag):
            body = self._find(tag)
            if body is None:
                body = escape_json(question(ask).model_dump_json(by_alias=True)).encode()
                self._keep(tag, body)
        return Response(body, media_type="application/json", headers=headers)

    def _lock(self, tag: str) -> threading.Lock:
        """The lock under which this answer is made; it is forgotten once nobody holds it or waits for it."""
        with self._guard:
            lock = self._making.get(tag)
            if lock is None:
                lock = self._making[tag] = threading.Lock()
            return lock

    def _find(self, tag: str) -> bytes | None:
        with self._guard:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def _keep(self, tag: str, body: bytes) -> None:
        if len(body) > KEPT_BYTES:
            return
        with self._guard:
            self._kept[tag] = body
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _tag(request: Request, positions: Sequence[str]) -> str:
    asked = [request.url.path, *sorted(f"{name}={value}" for name, value in request.query_params.multi_items())]
    return f'W/"{sha256(repr((PRODUCT, asked, positions)).encode()).hexdigest()[:32]}"'


def _known(request: Request) -> set[str]:
    """The ETags that who asks knows, weak or not; ``*`` means nothing here, as what there is changes."""
    return {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
