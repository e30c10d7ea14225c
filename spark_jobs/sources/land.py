"""Landing: files in, Bronze parts out. Runs on the driver for a few small files, on the executors for more.

Reads a block at a time and writes a row group at a time, so a file of any size takes bounded memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.errors import TallyError
from spark_jobs.schemas import REASON, TIMESTAMP
from spark_jobs.sinks.parts import Part, TableWriter
from spark_jobs.sources.columns import Chunk, Unread
from spark_jobs.sources.csv_text import read_csv
from spark_jobs.sources.jsonl_text import read_jsonl
from spark_jobs.sources.opened import GZIP_ERRORS, opened, row_prefix, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from spark_jobs.lake import Table

#: A file that cannot be unpacked is kept whole, in rows of at most this many bytes.
PIECE = 1024 * 1024


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


class LandingError(TallyError):
    """A landed file, or the folder that held it, is not to be seen by everyone who has to read it."""


def require_gone(files: Iterable[Landing], vanished: Collection[str], root: Path) -> None:
    """LandingError unless the driver, too, finds the sources ``vanished`` gone, from a landing folder that is there.

    What only a worker cannot see is no less there, and a folder that is away took its files along.
    """
    if vanished and not root.is_dir():
        raise LandingError(f"the landing folder {root} is gone, with {len(vanished)} files of the batch: bring it back")
    for file in files:
        if file.source in vanished and _is_there(Path(file.path)):
            raise LandingError(
                f"{file.path} was not there for the worker that was to read it, but it is there for the driver: "
                "LANDING_ROOT must be storage that the driver and all workers share; the batch is tried again"
            )


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def land(files: Iterable[Landing], table: Table, known: Sequence[str]) -> tuple[list[Part], list[Landed]]:
    """Write the files' rows to parts of Bronze. Only a failing disk raises; whatever a file holds becomes rows."""
    writers: dict[str, TableWriter] = {}
    landed = []
    for file in files:
        date = at(file.ingested_at).date().isoformat()
        writer = writers.setdefault(date, TableWriter(table, {"ingest_date": date}))
        landed.append(_land_one(file, writer, table, known))
    return [part for writer in writers.values() for part in writer.close()], landed


def _land_one(file: Landing, writer: TableWriter, table: Table, known: Sequence[str]) -> Landed:
    path = Path(file.path)
    rows = unread = 0
    with ExitStack() as stack:
        try:
            content, blocks = stack.enter_context(opened(path))
        except FileNotFoundError:
            return Landed(file.source, None, 0, 0, 0, "vanished", file.modified_ms, file.ingested_at)
        for chunk in _chunks(path, blocks, known):
            writer.write(_bronze(chunk, file, content, table, known))
            rows += chunk.rows
            unread += len(chunk.unread)
    status = "landed" if rows else "empty"
    return Landed(file.source, content, file.bytes, rows, unread, status, file.modified_ms, file.ingested_at)


def _chunks(path: Path, blocks: Iterator[bytes], known: Sequence[str]) -> Iterator[Chunk]:
    """The file's rows; a broken gzip yields what could be read, then its compressed bytes in rows of a MiB."""
    is_json = path.name.removesuffix(".gz").endswith(".jsonl")
    position = 0
    try:
        for chunk in (read_jsonl if is_json else read_csv)(blocks, known):
            position += chunk.rows
            yield chunk
    except GZIP_ERRORS as error:
        why = ("unreadable", None, f"the gzip stream is broken: {error}")
        with path.open("rb") as file:
            for piece in iter(lambda: file.read(PIECE), b""):
                position += 1
                yield Chunk(unread=(Unread(position, (why,), visible(piece)),))


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
        "row_id": pa.compute.binary_join_element_wise(pa.scalar(prefix), numbers.cast(pa.string()), "-"),
        "source": pa.repeat(file.source, size),
        "source_position": numbers,
        "source_time": pa.repeat(pa.scalar(file.modified_ms * 1000, TIMESTAMP), size),
        "source_fingerprint": pa.repeat(content, size),
        "ingested_at": pa.repeat(pa.scalar(file.ingested_at, TIMESTAMP), size),
    }


def at(micros: int) -> datetime:
    """Epoch microseconds as a UTC datetime."""
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]
