"""The application: the API under /api/v1, the page at /, the routes for supervisors, and how errors are answered."""

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

from config.errors import DatabaseError
from serving.database import Pool
from serving.errors import ApiError, error_response
from serving.limits import BodyLimitMiddleware, HeadMiddleware
from serving.metrics import API, Metrics
from serving.outage import UNPUBLISHED, Outages
from serving.readiness import Readiness
from serving.response_cache import ResponseCache
from serving.routes import dead_letters, events, health, history, quality, sales
from serving.security import AccessMiddleware, key_in_header, require_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.routing import APIRoute

    from config.settings import Settings

PAGE = Path(__file__).parent / "page"
DESCRIPTION = """
What Tallylake's Postgres shows, read-only. Lists come a page at a time: pass `next` as `cursor`. Money is a string, as it is exact;
times are UTC. Every answer has an ETag made of the versions of the tables that it was read from: send it as `If-None-Match`, and
what has not changed is not sent again.
"""


def create_app(settings: Settings) -> FastAPI:
    """Create the application; ServeError where others could use it without a key. The database is not connected yet."""
    require_key(settings.serving)
    app = FastAPI(
        title="Tallylake",
        version=version("tallylake"),
        description=DESCRIPTION,
        docs_url=None,  # FastAPI's page of documentation loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.pool = Pool(settings.database)
    app.state.response_cache = ResponseCache(app.state.pool)
    app.state.metrics = Metrics(app.state.pool)
    app.state.outages = Outages()
    app.state.readiness = Readiness(app.state.pool)
    # The middleware added last sees a request first.
    app.add_middleware(BodyLimitMiddleware)
    app.middleware("http")(AccessMiddleware(settings.serving))
    app.middleware("http")(app.state.metrics)
    app.add_middleware(HeadMiddleware)
    # The fixed paths of products and customers come before those with a number in them.
    for routes in (quality, dead_letters, sales, history, events):
        app.include_router(routes.router, prefix=API, dependencies=key_in_header(settings.serving))
    app.include_router(health.router)
    _add_page(app)
    _add_error_handlers(app)
    return app


def _operation_id(route: APIRoute) -> str:
    """Return the name of the operation in generated clients, such as ``history_product_history``."""
    return "_".join(map(str, (*route.tags[:1], route.name))).replace(" ", "_")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.pool.close()


class _PageFiles(StaticFiles):
    """The page's files. Browsers must revalidate them, or a new page could load modules of the version before."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file, or 304."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _add_page(app: FastAPI) -> None:
    app.mount("/page", _PageFiles(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


def _add_error_handlers(app: FastAPI) -> None:
    """Answer every error with one sentence, without details of the database."""
    handlers: dict[Any, Any] = {
        ApiError: lambda _, error: error_response(error.status, error.sentence, error.field),
        HTTPException: _http_error,
        RequestValidationError: lambda _, error: error_response(422, *_first_problem(error)),
        DatabaseError: _database_error,
        psycopg2.errors.UndefinedTable: lambda *_: error_response(503, UNPUBLISHED),
        psycopg2.errors.QueryCanceled: lambda *_: error_response(
            503, "this took longer than 5 s: ask for less at once"
        ),
        psycopg2.OperationalError: lambda *_: error_response(503, "the database went away: ask again in a moment"),
        psycopg2.InterfaceError: lambda *_: error_response(503, "the database went away: ask again in a moment"),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _http_error(request: Request, error: HTTPException) -> Response:
    headers = {**(error.headers or {}), "Allow": "GET, HEAD"} if error.status_code == 405 else error.headers
    return error_response(error.status_code, _sentence(request, error), None, headers)


def _database_error(request: Request, error: DatabaseError) -> Response:
    """Return 503. Which server it is, and what it said, goes to the log."""
    outages: Outages = request.app.state.outages
    return error_response(503, outages.sentence_for(error))


def _first_problem(error: RequestValidationError) -> tuple[str, str | None]:
    found = error.errors()[0]
    field = str(found["loc"][-1]) if found["loc"] else None
    problem = found["msg"].removeprefix("Value error, ")
    return f"{field}: {problem[:1].lower()}{problem[1:]}", field


def _sentence(request: Request, error: HTTPException) -> str:
    sentences = {
        404: "there is nothing at this address: /openapi.json lists what there is",
        405: f"{request.method} is not for this address: the API only reads, ask with GET",
    }
    return sentences.get(error.status_code, str(error.detail))
