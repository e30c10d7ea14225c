"""Read landed files and write their rows to parts of Bronze, on the driver for a few small files, on executors for more.

Reads a block at a time and writes a row group at a time, so a file of any size takes bounded memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from spark_jobs.landing.bronze_rows import bronze_rows
from spark_jobs.landing.chunks import Chunk, UnreadRow
from spark_jobs.landing.csv_text import read_csv
from spark_jobs.landing.jsonl_text import read_jsonl
from spark_jobs.landing.landed_file import FileToLand, LandedFile
from spark_jobs.landing.limits import DEFAULTS, TooLargeError
from spark_jobs.landing.open_file import GZIP_ERRORS, SetAsideError, open_landed, read_blocks, visible_text
from spark_jobs.schemas import from_micros
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spark_jobs.landing.limits import Limits, Reason
    from spark_jobs.landing.open_file import OpenedFile
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table


def land_files(
    files: Iterable[FileToLand], table: Table, known: Sequence[str], limits: Limits = DEFAULTS
) -> tuple[list[Part], list[LandedFile]]:
    """Write the files' rows to parts of Bronze. ``known``: the fields that have a column of their own.

    Only a failing disk raises; whatever a file holds becomes rows. A file that may not be read (a link, a pipe, no permission)
    comes back as set aside.
    """
    writers: dict[str, TableWriter] = {}
    landed = []
    for file in files:
        date = from_micros(file.ingested_at).date().isoformat()
        writer = writers.setdefault(date, TableWriter(table, {"ingest_date": date}))
        landed.append(_land_file(file, writer, table, known, limits))
    return [part for writer in writers.values() for part in writer.close()], landed


def _land_file(file: FileToLand, writer: TableWriter, table: Table, known: Sequence[str], limits: Limits) -> LandedFile:
    rows = unreadable = 0
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_landed(*file.folder_and_path, limits))
        except FileNotFoundError:
            return _not_opened(file, "vanished")
        except SetAsideError as error:
            return _not_opened(file, "set_aside", str(error))
        for chunk in _chunks(file.source, opened, known, limits):
            for part in bronze_rows(chunk, file, opened.fingerprint, table, known, limits):
                writer.write(part)
            rows += chunk.rows
            unreadable += len(chunk.unread)
    status = "landed" if rows else "empty"
    times = (file.modified_ms, file.ingested_at)
    return LandedFile(file.source, opened.fingerprint, file.bytes, rows, unreadable, status, *times)


def _not_opened(file: FileToLand, status: str, detail: str | None = None) -> LandedFile:
    return LandedFile(file.source, None, 0, 0, 0, status, file.modified_ms, file.ingested_at, detail)


def _chunks(source: str, file: OpenedFile, known: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """Yield the file's rows. Of a gzip that is broken or too large: what was read until then, then its compressed bytes."""
    is_json = source.removesuffix(".gz").endswith(".jsonl")
    position = 0
    try:
        for chunk in (read_jsonl if is_json else read_csv)(file.blocks, known, limits):
            position += chunk.rows
            yield chunk
    except GZIP_ERRORS as error:
        yield from _compressed_bytes(
            file, ("unreadable", None, f"the gzip stream is broken: {error}"), position, limits
        )
    except TooLargeError as error:
        yield from _compressed_bytes(file, error.reason, position, limits)


def _compressed_bytes(file: OpenedFile, reason: Reason, position: int, limits: Limits) -> Iterator[Chunk]:
    """Yield the file's bytes as they lie on disk, in pieces, each a row that could not be read."""
    file.file.seek(0)
    for place, piece in enumerate(read_blocks(file.file, limits.piece_bytes), position + 1):
        yield Chunk(unread=(UnreadRow(place, (reason,), visible_text(piece)),))
