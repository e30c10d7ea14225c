"""What keeps one caller from keeping others out: connections and bodies have limits. And HEAD is answered where GET is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.errors import refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Connections at a time; those that come then are told so (503) and closed.
CONNECTIONS = 256
#: Bytes of a request's body. Nothing here reads one: the API is only asked.
BODY = 1 << 16
#: How long a connection may take to send a request, before it is closed; at most twice that.
REQUEST_SECONDS = 10.0
#: Times as long an answer may take, until it was read: who asks and does not read would keep the others out too.
ANSWER_TIMES = 6


class Heads:
    """Answers HEAD as GET, without the body, so that monitors may ask either way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # A scope of its own: the server must go on to know that it was HEAD, or it would wait for the body.
        await self._app({**scope, "method": "GET"}, receive, without_body)


class Bodies:
    """Refuses requests with a body that is large, or that does not say how large it is, and ends their connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "http" and _is_large(dict(scope["headers"])):
            sentence = f"a request here has no body of more than {BODY:,} bytes: ask with GET and parameters"
            await refused(413, sentence, None, {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_large(headers: dict[bytes, bytes]) -> bool:
    said = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not said.isdigit() or len(said) > 9 or int(said) > BODY


class Patient(H11Protocol):
    """A connection that is closed where no request comes in time, or its answer is not read: such would keep the others out."""

    _seen: Any = None
    _times = 0
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing left to watch."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        self._watch = self.loop.call_later(REQUEST_SECONDS, self._look)

    def _look(self) -> None:
        """Close it where nothing has been asked since the last look, or one answer is on its way for too long."""
        self._times = self._times + 1 if self.cycle is self._seen else 0
        answered = self.cycle is None or self.cycle.response_complete
        if self._times >= (1 if answered else ANSWER_TIMES):
            self.transport.abort()
            return
        self._seen = self.cycle
        self._look_again()
