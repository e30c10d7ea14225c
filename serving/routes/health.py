"""/health, /ready and /metrics: for supervisors and for Prometheus."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from serving.readiness import Readiness, Ready

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The server is alive."""

    status: Literal["ok"] = "ok"


@router.get("/health", response_model=Health)
async def health() -> Health:
    """The server is alive; neither the database nor the threads that use it are checked."""
    return Health()


@router.get("/ready", response_model=Ready, responses={503: {"model": Ready, "description": "Not ready."}})
def ready(request: Request) -> Response:
    """Readiness: 200 where the database answers and something was published, checked once a second at most."""
    readiness: Readiness = request.app.state.readiness
    state = readiness.now()
    return JSONResponse(state.model_dump(mode="json"), 200 if state.ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """The pipeline's and the API's figures, as Prometheus reads them."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
