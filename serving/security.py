"""Access to the API: an API key where one is set, the allowed Host headers, and security headers on every response."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import Security
from fastapi.security import APIKeyHeader

from serving.errors import ServeError, error_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request, Response

    from config.groups import Serving

log = logging.getLogger("tallylake.serving")

#: Paths that need no key: the page itself, which holds no data, and those for supervisors.
PUBLIC_PATHS = ("/", "/health", "/ready", "/openapi.json", "/favicon.ico")
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Return True if only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_key(serving: Serving) -> None:
    """Raise ServeError where other machines could use the API without a key."""
    if serving.api_key is None and not is_loopback(serving.host):
        raise ServeError(
            f"SERVE_HOST is {serving.host}, which others can reach, and API_KEY is not set: "
            "set API_KEY to at least 16 characters, or listen on 127.0.0.1"
        )


def key_in_header(serving: Serving) -> list[Any]:
    """Return the dependency that documents the key in OpenAPI, where one is needed. The middleware checks it."""
    if serving.api_key is None:
        return []
    return [Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="The server's API_KEY."))]


class AccessMiddleware:
    """The middleware: refuses requests without the key or from another host, and adds security headers to every response."""

    def __init__(self, serving: Serving) -> None:
        self._key = serving.api_key.reveal().encode() if serving.api_key is not None else None
        self._hosts = LOCAL_NAMES | {serving.host.strip("[]")} if is_loopback(serving.host) else None

    async def __call__(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer the request, or refuse it."""
        response = self._refusal(request) or await _answer(request, call_next)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: Request) -> Response | None:
        if self._hosts is not None and _host(request) not in self._hosts:
            return error_response(
                400, "the Host header names another machine than this one: ask by localhost or 127.0.0.1"
            )
        for name, value in (("path", request.url.path), *request.query_params.multi_items()):
            if "\0" in value or "%00" in value:
                return error_response(422, f"{name} holds a NUL character, which no text here has", name)
        if self._key is None or request.url.path in PUBLIC_PATHS or request.url.path.startswith("/page/"):
            return None
        given = request.headers.get("x-api-key", "").encode("latin-1")  # its bytes as they were sent
        if hmac.compare_digest(given, self._key):
            return None
        return error_response(
            401, "an API key is needed: send it in the header X-API-Key", None, {"WWW-Authenticate": "ApiKey"}
        )


async def _answer(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Return the response; an unexpected exception is logged, and the client gets 500 without its details."""
    try:
        return await call_next(request)
    except Exception:
        log.exception("%s could not be answered", request.url.path)
        return error_response(500, "this is a mistake of the server's, which has logged it: tell whoever runs it")


def _host(request: Request) -> str:
    try:
        return (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""
