"""/health, /ready and /metrics: for supervisors and for Prometheus."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import psycopg2
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from config.postgres import DatabaseError

if TYPE_CHECKING:
    from serving.database import Questions

router = APIRouter(tags=["operation"])

_NEWEST = """
SELECT started_at + duration_seconds * interval '1 second' AS last_batch_at FROM data_quality_metrics
WHERE started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
"""


class Health(BaseModel):
    """The server is alive."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Whether questions can be answered."""

    ready: bool
    database: Literal["ok", "away", "empty"]
    last_batch_at: datetime | None = None


@router.get("/health", response_model=Health)
async def health() -> Health:
    """Whether the server is alive; neither the database nor the threads that ask it are."""
    return Health()


@router.get("/ready", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready."}})
def ready(request: Request) -> Response:
    """Whether questions can be answered: 200 where something was published and the database answers."""
    found = _ready(request)
    return JSONResponse(found.model_dump(mode="json"), 200 if found.ready else 503)


def _ready(request: Request) -> Ready:
    def newest(ask: Questions) -> Ready:
        return Ready(ready=True, database="ok", **(ask.row(_NEWEST) or {}))

    try:
        return Ready.model_validate(request.app.state.pool.ask(newest))
    except psycopg2.errors.UndefinedTable:
        return Ready(ready=False, database="empty")
    except DatabaseError as error:
        return Ready(ready=False, database="away" if error.away else "empty")
    except psycopg2.Error:
        return Ready(ready=False, database="away")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """The pipeline's and the API's figures, as Prometheus reads them."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
