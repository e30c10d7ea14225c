"""What the benchmarks share: one Spark session, generated files, fresh lakes, and the bare Spark job to compare with."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING

from config.settings import Settings
from config.settings import load as load_settings
from generator.events.options import EventOptions
from generator.events.run import run_events
from schema_registry.registry import load as load_registry
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

SUBJECT = "ecommerce_events"
BARE_SCHEMA = (
    "event_id string, user_id bigint, event_type string, product_id bigint, price decimal(18,2), event_time timestamp, "
    "session_id string, category string, quantity int, user_segment string, device_type string, browser string, "
    "geo_country string, geo_city string, referrer string, campaign_id string, schema_version int"
)


class Stage:
    """A folder to work in and the session to work with."""

    def __init__(self, out: Path) -> None:
        self.out = out.resolve()
        self.cores = os.cpu_count() or 1
        self.settings = load_settings({**os.environ, "CONTRACTS_ROOT": "schema_registry/contracts"}, None)
        self.registry = load_registry(self.settings.lake.contracts)
        self.subject = self.registry.subject(SUBJECT)
        self.spark = spark_session(self.settings, "tallylake-bench")

    def files(self, name: str, rows: int, files: int, **rates: float) -> Path:
        """Generated files, made once; the manifest lies beside them."""
        landing = self.out / name
        if not (landing / "done").exists():
            shutil.rmtree(landing, ignore_errors=True)
            run_events(
                EventOptions(
                    out=landing,
                    manifest=landing / "manifest.jsonl",
                    rows_per_file=rows // files,
                    files=files,
                    every_seconds=0,
                    **rates,
                ),
                stop=threading.Event(),
            )
            (landing / "done").touch()
        return landing

    def lake(self, name: str) -> tuple[Lake, Settings]:
        """A fresh lake of that name."""
        root = self.out / "lakes" / name
        shutil.rmtree(root, ignore_errors=True)
        return Lake(root), replace(self.settings, lake=replace(self.settings.lake, root=root))

    def drain(self, settings: Settings, landing: Path, *subjects: str) -> tuple[float, list[IngestReport], list[Books]]:
        """Stream what has landed to the end with the real application; seconds, and what it told."""
        settings = replace(settings, lake=replace(settings.lake, landing=landing))
        landed: list[IngestReport] = []
        books: list[Books] = []
        began = time.perf_counter()
        listener = Listener(landed.append, books.append)
        names = list(subjects) or [SUBJECT]
        Application(self.spark, settings, self.registry, names, listener, threading.Event()).run(once=True)
        return time.perf_counter() - began, landed, books

    def bare(self, landing: Path, name: str, *, mode: str = "overwrite") -> float:
        """The bare job: Spark's CSV reader with a schema, written as Delta; it checks, refuses and deduplicates nothing."""
        began = time.perf_counter()
        files = str(landing / SUBJECT)
        rows = self.spark.read.schema(BARE_SCHEMA).option("header", True).csv(files)
        rows.write.format("delta").mode(mode).save(str(self.out / "lakes" / name))
        return time.perf_counter() - began
