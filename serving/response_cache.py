"""Responses with ETags, kept in memory: a response depends on the request and on the versions of the tables it reads.

So a client that has it already gets 304 without its query being run, and what one client asked for is kept for the next.
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

    from serving.database import Pool, Transaction

#: How many bodies are kept, and how large one may be: a dead letter may be as large as its file.
MAX_BODIES, MAX_BODY_BYTES = 256, 1 << 20
POSITIONS = """
SELECT lake_table, lake_table_id, version FROM published_tables
WHERE %(names)s::text[] IS NULL OR table_name = ANY(%(names)s)
UNION ALL SELECT 'how ' || query || ' of ' || subject || ' stands', state || heard_at, failures FROM stream_state
WHERE %(names)s::text[] IS NULL ORDER BY 1
"""
HEADERS = {"Cache-Control": "private, no-cache"}
PRODUCT = version("tallylake")


class ResponseCache:
    """Makes responses from one snapshot of the database, each with an ETag, and keeps the newest bodies by ETag."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def respond(
        self,
        request: Request,
        tables: Sequence[str] | None,
        query: Callable[[Transaction], BaseModel],
        also: str = "",
    ) -> Response:
        """Return the response to a request whose query reads these published tables (None: all).

        304 where the client has it already. ``also``: what else the response depends on, such as the moment meant by
        leaving one out.
        """
        names = list(tables) if tables is not None else None

        def work(tx: Transaction) -> Response:
            positions = [str(row) for row in tx.rows(POSITIONS, {"names": names})]
            return self._respond(request, _etag(request, [*positions, also]), query, tx)

        return self._pool.run(work)

    def _respond(
        self, request: Request, etag: str, query: Callable[[Transaction], BaseModel], tx: Transaction
    ) -> Response:
        headers = {**HEADERS, "ETag": etag}
        if etag.removeprefix("W/") in _known_etags(request):
            return Response(status_code=304, headers=headers)
        # Of clients that ask for the same at once one runs the query, and the others get its result.
        with self._lock_of(etag):
            body = self._find(etag)
            if body is None:
                body = escape_json(query(tx).model_dump_json(by_alias=True)).encode()
                self._keep(etag, body)
        return Response(body, media_type="application/json", headers=headers)

    def _lock_of(self, etag: str) -> threading.Lock:
        """Return the lock under which this response is made; it is dropped once nobody holds it or waits for it."""
        with self._lock:
            lock = self._locks.get(etag)
            if lock is None:
                lock = self._locks[etag] = threading.Lock()
            return lock

    def _find(self, etag: str) -> bytes | None:
        with self._lock:
            if etag in self._bodies:
                self._bodies.move_to_end(etag)
            return self._bodies.get(etag)

    def _keep(self, etag: str, body: bytes) -> None:
        if len(body) > MAX_BODY_BYTES:
            return
        with self._lock:
            self._bodies[etag] = body
            while len(self._bodies) > MAX_BODIES:
                self._bodies.popitem(last=False)


def _etag(request: Request, positions: Sequence[str]) -> str:
    target = [request.url.path, *sorted(f"{name}={value}" for name, value in request.query_params.multi_items())]
    return f'W/"{sha256(repr((PRODUCT, target, positions)).encode()).hexdigest()[:32]}"'


def _known_etags(request: Request) -> set[str]:
    """Return the ETags that the client has, without W/; ``*`` is no match for any, as what exists here changes."""
    return {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
