"""Blocks of a file's bytes as blocks of whole lines, so that no reader depends on where a block happens to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spark_jobs.landing.limits import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from spark_jobs.landing.limits import Limits

BOM = b"\xef\xbb\xbf"
NEWLINE = 10


def line_blocks(blocks: Iterable[bytes], limits: Limits = DEFAULTS) -> Iterator[tuple[bytes, bool]]:
    """The content without a byte order mark, in blocks that end where a line does; the very last may lack its line end.

    The flag says that the block is but a piece of a line which is too long to be held.
    """
    rest, torn = b"", False
    for block in _without_bom(blocks):
        data = rest + block
        if torn:
            tail = data.find(b"\n") + 1
            if not tail:
                rest = yield from _full_pieces(data, limits.piece_bytes)
                continue
            yield from _pieces(data[:tail], limits.piece_bytes)
            torn, data = False, data[tail:]
        end = data.rfind(b"\n") + 1
        if end:
            yield from _measured(data[:end], limits)
        rest = data[end:]
        if len(rest) > limits.line_bytes:
            rest = yield from _full_pieces(rest, limits.piece_bytes)
            torn = True
    if rest:
        yield rest, torn


def _measured(data: bytes, limits: Limits) -> Iterator[tuple[bytes, bool]]:
    """Whole lines; those that are too long in pieces, the others between them as they lie."""
    if len(data) <= limits.line_bytes:
        yield data, False
        return
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE) + 1
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    at = 0
    for line in np.flatnonzero(ends - starts - 1 > limits.line_bytes):
        if starts[line] > at:
            yield data[at : starts[line]], False
        at = int(ends[line])
        yield from _pieces(data[starts[line] : at], limits.piece_bytes)
    if at < len(data):
        yield data[at:], False


def _full_pieces(data: bytes, size: int) -> Generator[tuple[bytes, bool], None, bytes]:
    """The pieces of that size that the data has; what is left is returned, for it may go on."""
    whole = len(data) // size * size
    yield from _pieces(data[:whole], size)
    return data[whole:]


def _pieces(data: bytes, size: int) -> Iterator[tuple[bytes, bool]]:
    """A too long line's bytes in pieces of that size; its line end alone is none."""
    text = data.removesuffix(b"\n")
    for at in range(0, len(text), size):
        yield text[at : at + size], True


def _without_bom(blocks: Iterable[bytes]) -> Iterator[bytes]:
    start, begun = b"", False
    for block in blocks:
        if begun:
            yield block
            continue
        start += block
        if len(start) >= len(BOM):
            begun = True
            yield start.removeprefix(BOM)
    if not begun:
        yield start.removeprefix(BOM)
