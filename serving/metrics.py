"""Metrics for Prometheus: the pipeline's figures, read from Postgres at each scrape, and the time that requests take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg2
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from config.errors import DatabaseError
from serving.models.quality import Targets
from serving.queries import quality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from fastapi import Request, Response
    from prometheus_client.core import Metric

    from serving.database import Pool
    from serving.models.quality import Status

API = "/api/v1"
FATES = ("accepted", "duplicate", "dead_letter", "control", "unaccounted")
#: States of a stream in which it makes no progress.
STOPPED_STATES = ("retrying", "stalled", "given_up")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The registry, and the middleware that measures requests by the template of their address."""

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(PipelineCollector(pool))
        self._seconds = Histogram(
            "tallylake_request_seconds",
            "How long requests took.",
            ("route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    async def __call__(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer the request and record its time. Unknown paths count as ``other``: a client could make up many."""
        started = time.perf_counter()
        response = await call_next(request)
        self._seconds.labels(_template(request), str(response.status_code)).observe(time.perf_counter() - started)
        return response


def _template(request: Request) -> str:
    """Return the path of the route with its parameters unfilled. A router's own routes lack the prefix of the API."""
    route = getattr(request.scope.get("route"), "path", None)
    if route is None:
        return "other"
    prefix = API if request.url.path.startswith(API) and not route.startswith(API) else ""
    return f"{prefix}{route}"


class PipelineCollector(Collector):
    """The pipeline's figures as Postgres shows them; without Postgres only ``tallylake_up`` 0."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterable[Metric]:
        """Read the status from Postgres and yield its metrics."""
        try:
            targets = Targets(validity=0, freshness_seconds=0)
            status = self._pool.run(lambda tx: quality.status(tx, targets))
        except (psycopg2.Error, DatabaseError):
            status = None
        yield GaugeMetricFamily("tallylake_up", "Whether Postgres answers.", value=float(status is not None))
        if status is not None:
            yield from _of_subjects(status)
            yield from _of_tables(status)
            yield from _of_streams(status)

    def describe(self) -> Iterable[Metric]:
        """Yield nothing: registering must not query the database."""
        return ()


def _of_subjects(status: Status) -> Iterable[Metric]:
    rows = CounterMetricFamily("tallylake_rows", "Rows read, by what became of them.", labels=("subject", "fate"))
    late = CounterMetricFamily("tallylake_late_rows", "Accepted rows older than the watermark.", labels=("subject",))
    gauges = {
        name: GaugeMetricFamily(f"tallylake_{name}", about, labels=("subject",))
        for name, about in (
            ("validity_ratio", "Share of rows read that were not refused."),
            ("watermark_timestamp_seconds", "The watermark of the newest batch."),
            ("last_batch_timestamp_seconds", "When the newest batch was finished."),
        )
    }
    for one in status.subjects:
        for fate in FATES:
            rows.add_metric((one.subject, fate), getattr(one, fate))
        late.add_metric((one.subject,), one.late)
        figures = (one.validity, _seconds(one.watermark), _seconds(one.last_batch_at))
        for gauge, figure in zip(gauges.values(), figures, strict=True):
            if figure is not None:
                gauge.add_metric((one.subject,), figure)
    yield from (rows, late, *gauges.values())
    yield GaugeMetricFamily(
        "tallylake_open_dead_letters", "Dead letters that are open.", value=status.open_dead_letters
    )


def _of_tables(status: Status) -> Iterable[Metric]:
    lag = GaugeMetricFamily(
        "tallylake_publishing_lag_seconds", "From the lake's commit to Postgres's.", labels=("lake_table",)
    )
    for one in status.tables:
        if one.lag_seconds is not None:
            lag.add_metric((one.lake_table,), one.lag_seconds)
    yield lag


def _of_streams(status: Status) -> Iterable[Metric]:
    stopped = GaugeMetricFamily(
        "tallylake_stands_still", "Whether a query fails or makes no progress.", labels=("subject", "query", "state")
    )
    heard = GaugeMetricFamily(
        "tallylake_stream_heard_timestamp_seconds", "When that was last heard.", labels=("subject", "query")
    )
    for one in status.streams:
        stopped.add_metric((one.subject, one.query, one.state), float(one.state in STOPPED_STATES))
        heard.add_metric((one.subject, one.query), one.heard_at.timestamp())
    yield from (stopped, heard)


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None
