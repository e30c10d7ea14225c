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
from spark_jobs.landing.chunks import Chunk, UnreadRow
from spark_jobs.landing.csv_text import read_csv
from spark_jobs.landing.jsonl_text import read_jsonl
from spark_jobs.landing.limits import DEFAULTS, SLICE_BYTES, SLICE_ROWS, TooLargeError
from spark_jobs.landing.open_file import (
    GZIP_ERRORS,
    SetAsideError,
    open_landed,
    open_regular,
    read_blocks,
    row_id_prefix,
    visible_text,
)
from spark_jobs.schemas import REASON, TIMESTAMP
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from spark_jobs.landing.limits import Limits, Reason
    from spark_jobs.landing.open_file import OpenedFile
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table

#: What a Bronze row takes in memory besides its values and the name of its file.
ROW_BYTES = 256
#: The same of one reason of a row that could not be read.
REASON_BYTES = 64


@dataclass(frozen=True, slots=True)
class FileToLand:
    """A file to land. ``ingested_at`` (epoch microseconds) differs for every reading of every file, and orders them."""

    path: str
    source: str
    bytes: int
    modified_ms: int
    ingested_at: int

    @property
    def folder_and_path(self) -> tuple[Path, tuple[str, ...]]:
        """The subject's landing folder, and where in it the file lies: what is above is ours, below no link is followed."""
        below = tuple(self.source.split("/"))[1:] or (self.source,)
        return Path(self.path).parents[len(below) - 1], below


@dataclass(frozen=True, slots=True)
class LandedFile:
    """What became of one file: rows written to Bronze, how many of them unreadable.

    ``status``: landed, empty, vanished, or set_aside, with the reason as ``detail``.
    """

    source: str
    fingerprint: str | None
    bytes: int
    rows: int
    unreadable: int
    status: str
    source_time_ms: int
    ingested_at: int
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain form for the trip from a worker."""
        return asdict(self)


class LandingError(TallyError):
    """A landed file, or the folder that held it, is not to be seen by everyone who has to read it."""


def require_vanished(files: Iterable[FileToLand], vanished: Collection[str], root: Path) -> None:
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


def require_set_aside(files: Iterable[FileToLand], aside: Collection[str]) -> None:
    """LandingError unless the driver, too, may not read the sources ``aside``: they are set aside for good."""
    for file in files:
        if file.source in aside and _may_be_read(file):
            raise LandingError(
                f"{file.path} could not be read by the worker that was to, but the driver can read it: workers need the same "
                "rights to LANDING_ROOT; the batch is tried again"
            )


def _may_be_read(file: FileToLand) -> bool:
    try:
        open_regular(*file.folder_and_path).close()
    except (SetAsideError, FileNotFoundError):
        return False
    return True


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def land_files(
    files: Iterable[FileToLand], table: Table, known: Sequence[str], limits: Limits = DEFAULTS
) -> tuple[list[Part], list[LandedFile]]:
    """Write the files' rows to parts of Bronze. Only a failing disk raises; whatever a file holds becomes rows.

    What may not be read (a link, a pipe, a file without permission) is told as set aside.
    """
    writers: dict[str, TableWriter] = {}
    landed = []
    for file in files:
        date = utc_time(file.ingested_at).date().isoformat()
        writer = writers.setdefault(date, TableWriter(table, {"ingest_date": date}))
        landed.append(_land_one(file, writer, table, known, limits))
    return [part for writer in writers.values() for part in writer.close()], landed


def _land_one(file: FileToLand, writer: TableWriter, table: Table, known: Sequence[str], limits: Limits) -> LandedFile:
    rows = unread = 0
    with ExitStack() as stack:
        try:
            found = stack.enter_context(open_landed(*file.folder_and_path, limits))
        except FileNotFoundError:
            return _unopened(file, "vanished")
        except SetAsideError as why:
            return _unopened(file, "set_aside", str(why))
        for chunk in _chunks(file.source, found, known, limits):
            for some in _bronze(chunk, file, found.fingerprint, table, known, limits):
                writer.write(some)
            rows += chunk.rows
            unread += len(chunk.unread)
    status = "landed" if rows else "empty"
    return LandedFile(
        file.source, found.fingerprint, file.bytes, rows, unread, status, file.modified_ms, file.ingested_at
    )


def _unopened(file: FileToLand, status: str, detail: str | None = None) -> LandedFile:
    return LandedFile(file.source, None, 0, 0, 0, status, file.modified_ms, file.ingested_at, detail)


def _chunks(source: str, file: OpenedFile, known: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """The file's rows; a gzip that is broken or too large yields what was read until then, then its compressed bytes."""
    is_json = source.removesuffix(".gz").endswith(".jsonl")
    position = 0
    try:
        for chunk in (read_jsonl if is_json else read_csv)(file.blocks, known, limits):
            position += chunk.rows
            yield chunk
    except GZIP_ERRORS as error:
        yield from _packed(file, ("unreadable", None, f"the gzip stream is broken: {error}"), position, limits)
    except TooLargeError as error:
        yield from _packed(file, error.why, position, limits)


def _packed(file: OpenedFile, why: Reason, position: int, limits: Limits) -> Iterator[Chunk]:
    """The file's bytes as they lie on disk, in pieces, each a row unread."""
    file.file.seek(0)
    for place, piece in enumerate(read_blocks(file.file, limits.piece_bytes), position + 1):
        yield Chunk(unread=(UnreadRow(place, (why,), visible_text(piece)),))


def _bronze(
    chunk: Chunk, file: FileToLand, content: str, table: Table, known: Sequence[str], limits: Limits
) -> Iterator[pa.Table]:
    """The chunk as rows of Bronze, in slices that are small whatever the file is called and however it fails."""
    step = min(SLICE_ROWS, max(1, SLICE_BYTES // (len(file.source.encode()) + ROW_BYTES)))
    for at in range(0, len(chunk.positions), step):
        yield pa.table(_columns(chunk.part(at, step), file, content, known), schema=table.data_schema)
    for unread in _groups(chunk.unread, step, limits):
        yield pa.table(_unread_columns(unread, file, content, known), schema=table.data_schema)


def _groups(unread: Sequence[UnreadRow], step: int, limits: Limits) -> Iterator[list[UnreadRow]]:
    """Rows unread, their reasons held to the limits, some at a time: each repeats its reasons and keeps its text."""
    given: tuple[Reason, ...] = ()
    reasons, group, size = given, list[UnreadRow](), 0
    for row in unread:
        if row.reasons is not given:  # the rows under a bad header share its reasons
            given, reasons = row.reasons, limits.capped(row.reasons)
        group.append(UnreadRow(row.position, reasons, row.text))
        size += len(row.text) + sum(REASON_BYTES + len(detail) for _, _, detail in reasons)
        if len(group) >= step or size >= SLICE_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _columns(chunk: Chunk, file: FileToLand, content: str, known: Sequence[str]) -> Mapping[str, pa.Array]:
    size = len(chunk.positions)
    absent = pa.nulls(size, pa.string())
    return {
        **{name: chunk.columns.get(name, absent) for name in known},
        **_meta(chunk.positions, file, content),
        "payload_rest": chunk.rest if chunk.rest is not None else pa.nulls(size, pa.map_(pa.string(), pa.string())),
        "raw": absent,
        "read_error": pa.nulls(size, pa.list_(REASON)),
    }


def _unread_columns(
    unread: Sequence[UnreadRow], file: FileToLand, content: str, known: Sequence[str]
) -> Mapping[str, pa.Array]:
    size = len(unread)
    return {
        **{name: pa.nulls(size, pa.string()) for name in known},
        **_meta(np.array([row.position for row in unread], np.int64), file, content),
        "payload_rest": pa.nulls(size, pa.map_(pa.string(), pa.string())),
        "raw": pa.array([row.text for row in unread], pa.string()),
        "read_error": _reasons(unread),
    }


def _reasons(unread: Sequence[UnreadRow]) -> pa.Array:
    """Each row's reasons; those that rows share are made once."""
    distinct = {id(row.reasons): row.reasons for row in unread}
    told = [
        [{"code": code, "field": field, "detail": detail} for code, field, detail in each] for each in distinct.values()
    ]
    places = {key: place for place, key in enumerate(distinct)}
    return pa.array(told, pa.list_(REASON)).take(pa.array([places[id(row.reasons)] for row in unread]))


def _meta(positions: np.ndarray[Any, np.dtype[np.int64]], file: FileToLand, content: str) -> Mapping[str, pa.Array]:
    size = len(positions)
    numbers = pa.array(positions)
    prefix = row_id_prefix(file.source, content)
    return {
        "row_id": pa.compute.binary_join_element_wise(pa.scalar(prefix), numbers.cast(pa.string()), "-"),
        "source": pa.repeat(file.source, size),
        "source_position": numbers,
        "source_time": pa.repeat(pa.scalar(file.modified_ms * 1000, TIMESTAMP), size),
        "source_fingerprint": pa.repeat(content, size),
        "ingested_at": pa.repeat(pa.scalar(file.ingested_at, TIMESTAMP), size),
    }


def utc_time(micros: int) -> datetime:
    """Epoch microseconds as a UTC datetime."""
    return pa.scalar(micros, TIMESTAMP).as_py()  # type: ignore[no-any-return]
