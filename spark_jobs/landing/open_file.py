"""Open a landed file as a stream of bytes: plain or gzip, fingerprinted, with bounded memory.

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

#: Bytes read at once: few, as what is made of a block must be small too; enough to be read at full speed.
BLOCK = 1024 * 1024
GZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)
#: Bytes that a gzip file may unpack to whatever its ratio.
BYTES_OF_ANY_RATIO = 64 * 1024 * 1024
#: Errors of opening a path that say something of the path itself, in words; any other error is the machine's.
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
    """A path of the landing folder leads to no file that may be read; the message says why."""


class OpenedFile(NamedTuple):
    """A landed file: its fingerprint, its content in blocks (unpacked, if it is a gzip), and the open file itself."""

    fingerprint: str
    blocks: Iterator[bytes]
    file: IO[bytes]


@contextmanager
def open_landed(folder: Path, within: Sequence[str], limits: Limits = DEFAULTS) -> Iterator[OpenedFile]:
    """Open the file at the path ``within`` a folder, unpacked where its name ends in .gz.

    Fingerprint and content are of the one file that was opened, whatever is moved to its name meanwhile. FileNotFoundError: it is
    gone; SetAsideError: it may not be read; TooLargeError while reading: it unpacks to more than the limits allow.
    """
    with open_regular(folder, within) as file:
        content_hash = fingerprint(file)
        file.seek(0)
        if not within[-1].endswith(".gz"):
            yield OpenedFile(content_hash, read_blocks(file), file)
            return
        with gzip.open(file) as unpacked:
            packed_bytes = os.fstat(file.fileno()).st_size
            yield OpenedFile(content_hash, _unpacked_blocks(unpacked, packed_bytes, limits), file)


def open_regular(folder: Path, within: Sequence[str]) -> IO[bytes]:
    """Open a regular file by its path within a folder, following no link below the folder and waiting for no pipe.

    FileNotFoundError: it is not there; SetAsideError: it is no regular file, lies behind a link, or may not be read.
    """
    parent = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        for name in within[:-1]:
            below = _open_at(parent, name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
            os.close(parent)
            parent = below
        return _open_regular_at(parent, within[-1])
    finally:
        os.close(parent)


def _open_regular_at(parent: int, name: str) -> IO[bytes]:
    """Look at the file's kind twice: before, as opening a device may do something, and after, as it may have been swapped."""
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except OSError as error:
        raise _as_set_aside(error) from error
    if not stat.S_ISREG(mode):
        raise SetAsideError(kind_of(mode))
    file = os.fdopen(_open_at(parent, name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(mode):
        return file
    file.close()
    raise SetAsideError(kind_of(mode))


def _open_at(parent: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=parent)
    except OSError as error:
        raise _as_set_aside(error) from error


def _as_set_aside(error: OSError) -> Exception:
    """Return SetAsideError where the error says something of the path, else the error itself."""
    return SetAsideError(REFUSALS[error.errno]) if error.errno in REFUSALS else error


def kind_of(mode: int) -> str:
    """Return in words what something with this st_mode is that is no regular file."""
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")


def fingerprint(file: IO[bytes]) -> str:
    """Return the content hash of an open file (BLAKE2b-128 of its bytes as they lie on disk, hex), read in blocks."""
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()  # type: ignore[arg-type]


def read_blocks(stream: IO[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """Yield the content in blocks of ``size`` bytes; the last one may be shorter."""
    while block := stream.read(size):
        yield block


def _unpacked_blocks(stream: gzip.GzipFile, packed_bytes: int, limits: Limits) -> Iterator[bytes]:
    """Yield the content in blocks; where a gzip stream breaks or grows too large, what came before is yielded first."""
    block, total = bytearray(), 0
    try:
        while piece := stream.read1(BLOCK):  # read() would lose what it had when the stream breaks
            total += len(piece)
            _check_unpacked(total, packed_bytes, limits)
            block += piece
            if len(block) >= BLOCK:
                yield bytes(block)
                block.clear()
    except (*GZIP_ERRORS, TooLargeError):
        yield bytes(block)
        raise
    yield bytes(block)


def _check_unpacked(total: int, packed_bytes: int, limits: Limits) -> None:
    """TooLargeError where so many unpacked bytes are beyond a limit."""
    if total > limits.unpacked_bytes:
        detail = f"it unpacks to more than {limits.unpacked_bytes:,} bytes"
        raise TooLargeError(too_large_reason("unpacked_bytes", detail))
    if total > BYTES_OF_ANY_RATIO and total > packed_bytes * limits.unpack_ratio:
        detail = f"it unpacks to more than {limits.unpack_ratio:,} times its {packed_bytes:,} bytes"
        raise TooLargeError(too_large_reason("unpack_ratio", detail))


def visible_text(data: bytes) -> str:
    r"""Return bytes as text: UTF-8 as it is, any other byte as \xNN, so that nothing is replaced and nothing is lost."""
    return data.decode("utf-8", errors="backslashreplace")
