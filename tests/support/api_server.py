"""The API on a real address of this machine, over a real Postgres."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx

from config.settings import Settings
from serving.app import create_app
from serving.serve import Server, configured, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from config.groups import Database


@dataclass(frozen=True)
class Served:
    """Where it is, and one who asks there."""

    address: str
    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def json(self, path: str, **params: Any) -> Any:
        """What is answered under /api/v1, which must be an answer."""
        found = self.client.get(f"/api/v1{path}", params=params)
        assert found.status_code == 200, found.text
        return found.json()


@contextmanager
def served(database: Database, **chosen: Any) -> Iterator[Served]:
    """Serve while the block runs."""
    settings = Settings(database=database)
    settings = replace(settings, serving=replace(settings.serving, **chosen))
    with serving(create_app(settings)) as api:
        yield api


@contextmanager
def serving(app: FastAPI) -> Iterator[Served]:
    """Serve an application while the block runs."""
    with listening("127.0.0.1", 0) as sockets:
        server = Server(configured(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sockets]})
        address = f"http://127.0.0.1:{sockets.getsockname()[1]}"
        thread.start()
        try:
            with httpx.Client(base_url=address, timeout=30) as client:
                yield Served(address, client)
        finally:
            server.should_exit = True
            thread.join()
