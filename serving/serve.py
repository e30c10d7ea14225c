"""``tally serve``: the application on an address of this machine, until it is told to stop."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn

from serving.app import create_app
from serving.bounds import CONNECTIONS, Patient
from serving.errors import ServeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from config.settings import Settings

BACKLOG = 128
#: How long answers that are being made may take once the server is told to stop.
GRACE_SECONDS = 10


def serve(
    settings: Settings, host: str | None = None, port: int | None = None, told: Callable[[str], None] = print
) -> None:
    """Serve until Ctrl-C or SIGTERM; ``told`` hears the address once it is listened to. ServeError where it cannot be."""
    serving = settings.serving
    chosen = replace(serving, host=host or serving.host, port=serving.port if port is None else port)
    app = create_app(replace(settings, serving=chosen))
    with listening(chosen.host, chosen.port) as sockets:
        told(f"http://{_shown(chosen.host)}:{sockets.getsockname()[1]}")
        Server(configured(app)).run(sockets=[sockets])


def configured(app: FastAPI) -> uvicorn.Config:
    """How it is served. The date header is the page's clock; the server's name is nobody's business."""
    return uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        log_level="warning",
        server_header=False,
        access_log=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. ServeError where it cannot be."""
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
    """Stops at SIGTERM and Ctrl-C, once what is being answered is answered, and ends as one who was asked to."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Without uvicorn's own way, which sends itself the signal again after it has stopped."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _shown(host: str) -> str:
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host.strip("[]"), host)
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
