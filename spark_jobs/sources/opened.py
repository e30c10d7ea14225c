"""A landed file as a stream of bytes: plain or gzip, fingerprinted, with bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 8 * 1024 * 1024
GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)


def fingerprint(path: Path) -> str:
    """The content hash of a file (BLAKE2b-128 of its bytes as they lie on disk), read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def row_prefix(source: str, content: str) -> str:
    """What all row ids of one file's reading start with: a hash of where it lay and what it held.

    With the row's position behind it this is the row id: the same file read twice gives the same ids, the same content under
    another name gives others.
    """
    return hashlib.blake2b(f"{source}\n{content}".encode(), digest_size=12).hexdigest()


def open_bytes(path: Path) -> IO[bytes]:
    """The file's content, decompressed where its name ends in .gz."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The content in blocks of about 8 MiB."""
    while block := stream.read(BLOCK):
        yield block


def visible(data: bytes) -> str:
    r"""Bytes as text: UTF-8 as it is, any other byte as \xNN, so that nothing is replaced and nothing is lost."""
    return data.decode("utf-8", errors="backslashreplace")
