"""A workspace of one test: a lake in a folder of its own, drained by the real application."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from config.settings import Settings
from config.settings import load as load_settings
from generator.events.options import EventOptions
from generator.events.run import run_events
from schema_registry.registry import CONTRACTS, Registry
from schema_registry.registry import load as load_registry
from spark_jobs.batch.audit.against_manifest import compare_with_manifest
from spark_jobs.batch.audit.books import audit_books
from spark_jobs.batch.rebuild.run import Rebuild
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject
    from spark_jobs.batch.audit.result import Audit
    from spark_jobs.batch.rebuild.run import RebuildResult
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport
    from spark_jobs.storage.table import Table

EVENTS_HEADER = "event_id,user_id,event_type,product_id,price,event_time\n"
#: Columns of Silver that say when and by whom a row was processed, not what it is.
PROCESSING = {"query_id", "batch_id", "processed_at", "row_id", "late_arrival_flag"}


@dataclass
class Workspace:
    """A lake, a landing folder and a registry under one folder."""

    root: Path
    registry: Registry
    settings: Settings

    @property
    def landing(self) -> Path:
        return self.settings.lake.landing

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake.root.resolve())

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.jsonl"

    def subject(self, name: str = "ecommerce_events") -> Subject:
        return self.registry.subject(name)

    def generate(self, **options: Any) -> None:
        chosen = {"rows_per_file": 100, "files": 6, "every_seconds": 0, "seed": 7, **options}
        run_events(EventOptions(out=self.landing, manifest=self.manifest, **chosen), stop=threading.Event())

    def drop(self, name: str, text: str | bytes, subject: str = "ecommerce_events") -> Path:
        path = self.landing / subject / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def drain(self, spark: SparkSession, *subjects: str) -> list[Books]:
        books: list[Books] = []
        landed: list[IngestReport] = []
        names = list(subjects) or ["ecommerce_events"]
        listener = Listener(landed.append, books.append)
        Application(spark, self.settings, self.registry, names, listener, threading.Event()).run(once=True)
        return books

    def audit(self, spark: SparkSession, subject: str = "ecommerce_events") -> Audit:
        return audit_books(spark, self.lake, self.landing, self.subject(subject))

    def differences(self, spark: SparkSession) -> dict[str, Any]:
        return compare_with_manifest(spark, self.lake, self.subject(), self.manifest)[0]

    def rows(self, table: Table | None) -> list[dict[str, Any]]:
        assert table is not None
        return list(pa.table(DeltaTable(table.path).scan().read_all()).to_pylist())

    def entity(self, table: Table | None) -> list[str]:
        """A table with a key without its processing columns, in an order of its own."""
        assert table is not None
        return sorted(str({k: v for k, v in row.items() if k not in PROCESSING}) for row in self.rows(table))

    def content(self, subject: str = "ecommerce_events") -> list[str]:
        """Silver without its processing columns, in an order of its own: what must not depend on how it came about."""
        table = DeltaTable(self.lake.silver(self.subject(subject)).path).to_pyarrow_table()
        kept = table.select([name for name in table.column_names if name not in PROCESSING])
        return sorted(str(row) for row in kept.to_pylist())

    def sum_of_books(self, column: str) -> int:
        books = DeltaTable(self.lake.batch_quality.path).to_pyarrow_table()
        return int(pc.sum(books[column]).as_py() or 0)


def new_workspace(root: Path, contracts: Path = CONTRACTS, **env: str) -> Workspace:
    settings = load_settings({"RETRY_FIRST_WAIT": "10 ms", "RETRY_ATTEMPTS": "2", **env}, None)
    places = replace(settings.lake, root=root / "lake", landing=root / "input", logs=root / "logs", contracts=contracts)
    return Workspace(root, load_registry(contracts), replace(settings, lake=places))


def rebuild(workspace: Workspace, spark: SparkSession, subject: str, *, verify: bool) -> RebuildResult:
    return Rebuild(spark, workspace.settings, workspace.registry, subject, lambda _: None).run(verify=verify)


def event(key: str, time: str = "2026-01-05T10:00:00Z", price: str = "9.99") -> str:
    """A line of a file of events, under ``EVENTS_HEADER``."""
    return f"{key},7,view,11,{price},{time}\n"


def dies_once_a_table(real: Callable[..., Any], died: list[str]) -> Callable[..., Any]:
    """A commit that fails the first time that it is asked of each table, whose names are noted in ``died``."""

    def commit(table: Table, *args: Any, **kwargs: Any) -> Any:
        if table.name not in died:
            died.append(table.name)
            raise RuntimeError("killed here")
        return real(table, *args, **kwargs)

    return commit
