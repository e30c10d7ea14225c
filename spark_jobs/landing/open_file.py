"""A landed file as a stream of bytes: plain or gzip, fingerprinted, with bounded memory.

A file is opened only where it is a regular one that lies in the landing folder itself: no link on the way to it is followed.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import stat
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from spark_jobs.landing.limits import DEFAULTS, TooLargeError, too_large_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from spark_jobs.landing.limits import Limits

#: Small enough for what is made of a block to be small too, and large enough to be read at full speed.
BLOCK = 1024 * 1024
GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)
#: A gzip file may unpack to this much whatever its ratio.
HARMLESS = 64 * 1024 * 1024
#: What opening a path says of the path itself; any other error is the machine's, and no word on the file.
REFUSALS = {
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.ELOOP: "it lies behind a link, and links are not followed",
    errno.ENOTDIR: "it lies behind a link, and links are not followed",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENXIO: "there is nothing behind it",
}
_KINDS = {
    stat.S_IFLNK: "a link, and links are not followed",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class SetAsideError(Exception):
    """What lies in the landing folder is no file that may be read; the message says why."""


class OpenedFile(NamedTuple):
    """A file's fingerprint, its content in blocks, and the file itself as it lies on disk."""

    fingerprint: str
    blocks: Iterator[bytes]
    file: IO[bytes]


def row_id_prefix(source: str, content: str) -> str:
    """What all row ids of one file's reading start with: a hash of where it lay and what it held.

    With the row's position behind it this is the row id: the same file read twice gives the same ids, the same content
    under another name gives others.
    """
    return hashlib.blake2b(f"{source}\n{content}".encode(), digest_size=12).hexdigest()


@contextmanager
def open_landed(folder: Path, within: Sequence[str], limits: Limits = DEFAULTS) -> Iterator[OpenedFile]:
    """A file's fingerprint and its content in blocks, decompressed where the name ends in .gz.

    Both are of the one file that was opened, whatever is moved to its name meanwhile. FileNotFoundError: it is gone;
    AsideError: it is not to be read; TooLargeError while reading: it unpacks to more than the limits allow.
    """
    with open_regular(folder, within) as file:
        content = fingerprint(file)
        file.seek(0)
        if not within[-1].endswith(".gz"):
            yield OpenedFile(content, read_blocks(file), file)
            return
        with gzip.open(file) as unpacked:
            yield OpenedFile(content, _unpacked(unpacked, os.fstat(file.fileno()).st_size, limits), file)


def open_regular(folder: Path, within: Sequence[str]) -> IO[bytes]:
    """Open a regular file by its path within a folder, following no link below the folder and waiting for no pipe."""
    at = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        for name in within[:-1]:
            below = _asked(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, at)
            os.close(at)
            at = below
        return _regular(within[-1], at)
    finally:
        os.close(at)


def _regular(name: str, folder: int) -> IO[bytes]:
    """Its kind is asked twice: before, as opening a device may do something, and after, as it may have been swapped."""
    try:
        kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError as error:
        raise _told(error) from error
    if not stat.S_ISREG(kind):
        raise SetAsideError(kind_of(kind))
    file = os.fdopen(_asked(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, folder), "rb")
    kind = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(kind):
        return file
    file.close()
    raise SetAsideError(kind_of(kind))


def _asked(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise _told(error) from error


def _told(error: OSError) -> Exception:
    """The error as what it says of the file, or itself where it says nothing of it."""
    return SetAsideError(REFUSALS[error.errno]) if error.errno in REFUSALS else error


def kind_of(mode: int) -> str:
    """What something that is no regular file is."""
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")


def fingerprint(file: IO[bytes]) -> str:
    """The content hash of an open file (BLAKE2b-128 of its bytes as they lie on disk), read in blocks."""
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()  # type: ignore[arg-type]


def read_blocks(stream: IO[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """The content in blocks of that many bytes."""
    while block := stream.read(size):
        yield block


def _unpacked(stream: gzip.GzipFile, packed: int, limits: Limits) -> Iterator[bytes]:
    """The content in blocks; where a gzip stream breaks or grows too large, what came before is yielded first."""
    held, total = bytearray(), 0
    try:
        while piece := stream.read1(BLOCK):  # read() would lose what it had when the stream breaks
            total += len(piece)
            _hold_to(limits, total, packed)
            held += piece
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
    except (*GZIP_ERRORS, TooLargeError):
        yield bytes(held)
        raise
    yield bytes(held)


def _hold_to(limits: Limits, total: int, packed: int) -> None:
    if total > limits.unpacked_bytes:
        raise TooLargeError(
            too_large_reason("unpacked_bytes", f"it unpacks to more than {limits.unpacked_bytes:,} bytes")
        )
    if total > HARMLESS and total > packed * limits.unpack_ratio:
        far = f"it unpacks to more than {limits.unpack_ratio:,} times its {packed:,} bytes"
        raise TooLargeError(too_large_reason("unpack_ratio", far))


def visible_text(data: bytes) -> str:
    r"""Bytes as text: UTF-8 as it is, any other byte as \xNN, so that nothing is replaced and nothing is lost."""
    return data.decode("utf-8", errors="backslashreplace")
