"""Landing: files in, Bronze parts out. Runs on the driver for a few small files, on the executors for more.

Reads a block at a time and writes a row group at a time, so a file of any size takes bounded memory.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.lake import REASON, TIMESTAMP, Table
from spark_jobs.sinks.parts import Part, TableWriter
from spark_jobs.sources.columns import Chunk
from spark_jobs.sources.csv_text import read_csv, whole
from spark_jobs.sources.jsonl_text import read_jsonl
from spark_jobs.sources.opened import GZIP_ERRORS, blocks, fingerprint, open_bytes, row_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Landing:
    """A file to land. ``ingested_at`` (epoch microseconds) differs for every reading of every file, and orders them."""

    path: str
    source: str
    bytes: int
    modified_ms: int
    ingested_at: int


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of one file: rows written to Bronze, how many of them unreadable; or that it had vanished."""

    source: str
    fingerprint: str | None
    bytes: int
    rows: int
    unreadable: int
    status: str
    source_time_ms: int
    ingested_at: int

    def to_json(self) -> dict[str, Any]:
        """A plain form for the trip from a worker."""
        return asdict(self)


def land(files: Iterable[Landing], table: Table, known: Sequence[str]) -> tuple[list[Part], list[Landed]]:
    """Write the files' rows to parts of Bronze. Only a full or broken disk raises; whatever a file holds becomes rows."""
    writers: dict[str, TableWriter] = {}
    landed = []
    for file in files:
        date = np.datetime64(file.ingested_at, "us").astype("datetime64[D]").astype(object).isoformat()
        writer = writers.setdefault(date, TableWriter(table, {"ingest_date": date}))
        landed.append(_land_one(file, writer, table, known))
    return [part for writer in writers.values() for part in writer.close()], landed


def _land_one(file: Landing, writer: TableWriter, table: Table, known: Sequence[str]) -> Landed:
    path = Path(file.path)
    try:
        content = fingerprint(path)
    except FileNotFoundError:
        return Landed(file.source, None, 0, 0, 0, "vanished", file.modified_ms, file.ingested_at)
    rows = unread = 0
    for chunk in _chunks(path, known):
        writer.write(_bronze(chunk, file, content, table, known))
        rows += chunk.rows
        unread += len(chunk.unread)
    status = "landed" if rows else "empty"
    return Landed(file.source, content, file.bytes, rows, unread, status, file.modified_ms, file.ingested_at)


def _chunks(path: Path, known: Sequence[str]) -> Iterator[Chunk]:
    """The file's rows; a broken gzip yields what could be read and then the compressed bytes, whole."""
    reader = read_jsonl if ".jsonl" in path.suffixes[-2:] else read_csv
    position = 0
    try:
        with open_bytes(path) as stream:
            for chunk in reader(blocks(stream), known):
                position += chunk.rows
                yield chunk
    except GZIP_ERRORS as error:
        yield whole(path.read_bytes(), position, "unreadable", f"the gzip stream is broken: {error}")


def _bronze(chunk: Chunk, file: Landing, content: str, table: Table, known: Sequence[str]) -> pa.Table:
    rows = [_columns(chunk, file, content, known)] if len(chunk.positions) else []
    if chunk.unread:
        rows.append(_unread_columns(chunk, file, content, known))
    return pa.concat_tables([pa.table(columns, schema=table.data_schema) for columns in rows])


def _columns(chunk: Chunk, file: Landing, content: str, known: Sequence[str]) -> Mapping[str, pa.Array]:
    size = len(chunk.positions)
    absent = pa.nulls(size, pa.string())
    return {
        **{name: chunk.columns.get(name, absent) for name in known},
        **_meta(chunk.positions, file, content),
        "payload_rest": chunk.rest if chunk.rest is not None else pa.nulls(size, pa.map_(pa.string(), pa.string())),
        "raw": absent,
        "read_error": pa.nulls(size, pa.list_(REASON)),
    }


def _unread_columns(chunk: Chunk, file: Landing, content: str, known: Sequence[str]) -> Mapping[str, pa.Array]:
    size = len(chunk.unread)
    reasons = [
        [{"code": code, "field": field, "detail": detail} for code, field, detail in row.reasons]
        for row in chunk.unread
    ]
    return {
        **{name: pa.nulls(size, pa.string()) for name in known},
        **_meta(np.array([row.position for row in chunk.unread], np.int64), file, content),
        "payload_rest": pa.nulls(size, pa.map_(pa.string(), pa.string())),
        "raw": pa.array([row.raw for row in chunk.unread], pa.string()),
        "read_error": pa.array(reasons, pa.list_(REASON)),
    }


def _meta(positions: np.ndarray[Any, np.dtype[np.int64]], file: Landing, content: str) -> Mapping[str, pa.Array]:
    size = len(positions)
    numbers = pa.array(positions)
    prefix = row_prefix(file.source, content)
    return {
        "row_id": pa.compute.binary_join_element_wise(
            pa.scalar(prefix), numbers.cast(pa.string()), "-"
        ),
        "source": pa.repeat(file.source, size),
        "source_position": numbers,
        "source_time": pa.repeat(pa.scalar(file.modified_ms * 1000, TIMESTAMP), size),
        "source_fingerprint": pa.repeat(content, size),
        "ingested_at": pa.repeat(pa.scalar(file.ingested_at, TIMESTAMP), size),
    }


def at(micros: int) -> datetime:
    """Epoch microseconds as a UTC datetime."""
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]
