"""Limits that keep one client from blocking the others (connections, bodies, time), and HEAD requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.errors import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Connections at a time; further ones get 503 and are closed.
CONNECTIONS = 256
#: Bytes of a request's body. Nothing here reads one: the API only answers GET.
MAX_BODY_BYTES = 1 << 16
#: Seconds that a connection may take to send a request before it is closed; it takes at most twice that.
REQUEST_SECONDS = 10.0
#: How many times REQUEST_SECONDS a response may take until it is read: a client that does not read blocks the others too.
RESPONSE_TIMES = 6


class HeadMiddleware:
    """Answers HEAD as GET, without the body, so that monitors may use either."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # A copy of the scope: the server must go on to know that it was HEAD, or it would wait for the body.
        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class BodyLimitMiddleware:
    """Refuses requests with a large body, or one of unknown size, with 413, and closes their connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] == "http" and _is_large(dict(scope["headers"])):
            sentence = f"a request here has no body of more than {MAX_BODY_BYTES:,} bytes: ask with GET and parameters"
            await error_response(413, sentence, None, {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_large(headers: dict[bytes, bytes]) -> bool:
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY_BYTES


class TimeoutProtocol(H11Protocol):
    """A connection that is closed if no request comes in time, or if its response is not read: it would block others."""

    _last_cycle: Any = None
    _unchanged = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer."""
        super().connection_made(transport)
        self._schedule_check()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _schedule_check(self) -> None:
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._check)

    def _check(self) -> None:
        """Close the connection if no request came since the last check, or if one response takes too long."""
        self._unchanged = self._unchanged + 1 if self.cycle is self._last_cycle else 0
        complete = self.cycle is None or self.cycle.response_complete
        if self._unchanged >= (1 if complete else RESPONSE_TIMES):
            self.transport.abort()
            return
        self._last_cycle = self.cycle
        self._schedule_check()
