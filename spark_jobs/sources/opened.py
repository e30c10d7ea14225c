"""A landed file as a stream of bytes: plain or gzip, fingerprinted, with bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 8 * 1024 * 1024
READ = 1024 * 1024
GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)


def row_prefix(source: str, content: str) -> str:
    """What all row ids of one file's reading start with: a hash of where it lay and what it held.

    With the row's position behind it this is the row id: the same file read twice gives the same ids, the same content
    under another name gives others.
    """
    return hashlib.blake2b(f"{source}\n{content}".encode(), digest_size=12).hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """A file's fingerprint and its content in blocks, decompressed where the name ends in .gz.

    Both are of the one file that was opened, whatever is moved to its name meanwhile.
    """
    with path.open("rb") as file:
        content = fingerprint(file)
        file.seek(0)
        if path.suffix != ".gz":
            yield content, blocks(file)
            return
        with gzip.open(file) as unpacked:
            yield content, _unpacked(unpacked)


def fingerprint(file: IO[bytes]) -> str:
    """The content hash of an open file (BLAKE2b-128 of its bytes as they lie on disk), read in blocks."""
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()  # type: ignore[arg-type]


def blocks(stream: IO[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """The content in blocks of that many bytes."""
    while block := stream.read(size):
        yield block


def _unpacked(stream: gzip.GzipFile) -> Iterator[bytes]:
    """The content in blocks; where a gzip stream breaks, what came before is yielded before the error is raised."""
    held = bytearray()
    try:
        while piece := stream.read1(READ):  # read() would lose what it had when the stream breaks
            held += piece
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
    except GZIP_ERRORS:
        yield bytes(held)
        raise
    yield bytes(held)


def visible(data: bytes) -> str:
    r"""Bytes as text: UTF-8 as it is, any other byte as \xNN, so that nothing is replaced and nothing is lost."""
    return data.decode("utf-8", errors="backslashreplace")
