"""Ingest of a batch of files without Spark: what Spark would hand over are the files' names, sizes and times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from schema_registry.registry import load
from spark_jobs.queries.ingest import Ingest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyspark.sql import DataFrame

    from spark_jobs.lake import Lake

SUBJECT = "ecommerce_events"
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)


@dataclass
class File:
    """A row of Spark's listing of files."""

    path: str
    modificationTime: datetime  # noqa: N815  Spark's own names
    length: int


@dataclass
class Files:
    """A batch of landed files, as ``foreachBatch`` would be handed it."""

    rows: list[File]
    sparkSession: None = None  # noqa: N815

    def collect(self) -> list[File]:
        return self.rows

    @classmethod
    def of(cls, landing: Path, named: Mapping[str, str]) -> DataFrame:
        """Write the files into the landing folder."""
        folder = landing / SUBJECT
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in named.items():
            (folder / name).write_text(text)
        return cast("DataFrame", cls([File((folder / n).as_uri(), NOON, len(t)) for n, t in named.items()]))


def ingest_of(lake: Lake, landing: Path) -> Ingest:
    """The query that lands them, with the checkpoint that Spark would have made."""
    reports: list[Any] = []
    checkpoint = lake.checkpoint(SUBJECT, "ingest")
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "metadata").write_text(json.dumps({"id": "query"}))
    return Ingest(lake, load().subject(SUBJECT), landing, reports.append)
