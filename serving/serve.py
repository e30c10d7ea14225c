"""``tally serve``: the application on an address of this machine, until it is told to stop."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn

from serving.app import create_app
from serving.errors import ServeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings


def serve(
    settings: Settings, host: str | None = None, port: int | None = None, told: Callable[[str], None] = print
) -> None:
    """Serve until Ctrl-C or SIGTERM; ``told`` hears the address once it is listened to. ServeError where it cannot be."""
    serving = settings.serving
    chosen = replace(serving, host=host or serving.host, port=serving.port if port is None else port)
    app = create_app(replace(settings, serving=chosen))
    with _listening(chosen.host, chosen.port) as listening:
        told(f"http://{_shown(chosen.host)}:{listening.getsockname()[1]}")
        # The date header is the page's clock; the server's name is nobody's business.
        config = uvicorn.Config(app, log_level="warning", server_header=False, access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        raise ServeError(
            f"{host}:{port} cannot be listened to ({error.strerror}): choose another with SERVE_PORT or --port, 0 for a free one"
        ) from error


def _shown(host: str) -> str:
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host.strip("[]"), host)
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
