"""``tally serve``: run the application on an address of this machine until it is stopped."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn

from serving.app import create_app
from serving.errors import ServeError
from serving.limits import CONNECTIONS, TimeoutProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from config.settings import Settings

BACKLOG = 128
#: How long requests in progress may take once the server is to stop.
GRACE_SECONDS = 10


def serve(
    settings: Settings, host: str | None = None, port: int | None = None, announce: Callable[[str], None] = print
) -> None:
    """Serve until Ctrl-C or SIGTERM; ``announce`` is called with the URL once it listens. ServeError where it cannot."""
    serving = settings.serving
    chosen = replace(serving, host=host or serving.host, port=serving.port if port is None else port)
    app = create_app(replace(settings, serving=chosen))
    with listening(chosen.host, chosen.port) as sockets:
        announce(f"http://{_url_host(chosen.host)}:{sockets.getsockname()[1]}")
        Server(configured(app)).run(sockets=[sockets])


def configured(app: FastAPI) -> uvicorn.Config:
    """Return uvicorn's settings. The Date header is the page's clock; the Server header is left out."""
    return uvicorn.Config(
        app,
        http=TimeoutProtocol,
        ws="none",
        log_level="warning",
        server_header=False,
        access_log=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this address; port 0 takes a free one. ServeError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would leave Nagle's algorithm on, and each answer would take 40 ms more.
    sockets = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sockets.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sockets.bind((host.strip("[]"), port))
        sockets.listen(BACKLOG)
    except OSError as error:
        sockets.close()
        raise ServeError(
            f"{host}:{port} cannot be listened to ({error.strerror}): choose another with SERVE_PORT or --port, 0 for a free one"
        ) from error
    return sockets


class Server(uvicorn.Server):
    """Stops at SIGTERM and Ctrl-C after the requests in progress, so that the process ends with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle both signals, and not send them to itself again after it has stopped, as uvicorn does."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _url_host(host: str) -> str:
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host.strip("[]"), host)
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
