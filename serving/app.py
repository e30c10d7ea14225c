"""The application: the API under /api/v1, the page at /, and what supervisors ask."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from config.postgres import DatabaseError
from serving.bounds import Bodies, Heads
from serving.database import Pool
from serving.errors import AskedError, refused
from serving.etag import Answers
from serving.metrics import API, Metrics
from serving.outage import UNPUBLISHED, Outages, Readiness
from serving.routes import events, health, letters, past, quality, sales
from serving.security import Guard, key_in_header, require_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.routing import APIRoute

    from config.settings import Settings

PAGE = Path(__file__).parent / "page"
ABOUT = """
What Tallylake's Postgres shows, read-only. Lists come a page at a time: pass `next` as `cursor`. Money is a string, as it is exact;
times are UTC. Every answer has an ETag made of the versions of the tables that it was read from: send it as `If-None-Match`, and
what has not changed is not sent again.
"""


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings; ServeError where others could ask without a key. The database is not asked yet."""
    require_key(settings.serving)
    app = FastAPI(
        title="Tallylake",
        version=version("tallylake"),
        description=ABOUT,
        docs_url=None,  # FastAPI's page of documentation loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.pool = Pool(settings.database)
    app.state.answers = Answers(app.state.pool)
    app.state.metrics = Metrics(app.state.pool)
    app.state.outages = Outages()
    app.state.readiness = Readiness(app.state.pool)
    # The last one added is the first to see a request.
    app.add_middleware(Bodies)
    app.middleware("http")(Guard(settings.serving))
    app.middleware("http")(app.state.metrics)
    app.add_middleware(Heads)
    # The fixed addresses of products and customers come before those with a number in them.
    for one in (quality, letters, sales, past, events):
        app.include_router(one.router, prefix=API, dependencies=key_in_header(settings.serving))
    app.include_router(health.router)
    _add_page(app)
    _add_refusals(app)
    return app


def _operation(route: APIRoute) -> str:
    """What generated clients call it, such as ``history_product_history``."""
    return "_".join(map(str, (*route.tags[:1], route.name))).replace(" ", "_")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.pool.close()


class _Modules(StaticFiles):
    """The page's files. Browsers ask whether they have changed, or a new page would meet the modules of the one before."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, or that it has not changed."""
        found = super().file_response(*args, **kwargs)
        found.headers["Cache-Control"] = "no-cache"
        return found


def _add_page(app: FastAPI) -> None:
    app.mount("/page", _Modules(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


def _add_refusals(app: FastAPI) -> None:
    """Whatever goes wrong is one sentence, and never what the database said of its inside."""
    handlers: dict[Any, Any] = {
        AskedError: lambda _, error: refused(error.status, error.sentence, error.field),
        HTTPException: _refused_by_starlette,
        RequestValidationError: lambda _, error: refused(422, *_first(error)),
        DatabaseError: _without_database,
        psycopg2.errors.UndefinedTable: lambda *_: refused(503, UNPUBLISHED),
        psycopg2.errors.QueryCanceled: lambda *_: refused(503, "this took longer than 5 s: ask for less at once"),
        psycopg2.OperationalError: lambda *_: refused(503, "the database went away: ask again in a moment"),
        psycopg2.InterfaceError: lambda *_: refused(503, "the database went away: ask again in a moment"),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _refused_by_starlette(request: Request, error: HTTPException) -> Response:
    headers = {**(error.headers or {}), "Allow": "GET, HEAD"} if error.status_code == 405 else error.headers
    return refused(error.status_code, _sentence(request, error), None, headers)


def _without_database(request: Request, error: DatabaseError) -> Response:
    """What whoever asks needs to know. Which server it is, and what that said, is for the log of whoever runs this."""
    outages: Outages = request.app.state.outages
    return refused(503, outages.answer(error))


def _first(error: RequestValidationError) -> tuple[str, str | None]:
    found = error.errors()[0]
    field = str(found["loc"][-1]) if found["loc"] else None
    told = found["msg"].removeprefix("Value error, ")
    return f"{field}: {told[:1].lower()}{told[1:]}", field


def _sentence(request: Request, error: HTTPException) -> str:
    known = {
        404: "there is nothing at this address: /openapi.json lists what there is",
        405: f"{request.method} is not for this address: the API only reads, ask with GET",
    }
    return known.get(error.status_code, str(error.detail))
