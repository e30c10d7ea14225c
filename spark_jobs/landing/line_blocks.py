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
    """Yield the content without a byte order mark, in blocks of whole lines; the very last may lack its line end.

    The flag is True where the block is a mere piece of a line that is longer than ``limits.line_bytes``.
    """
    rest, in_long_line = b"", False
    for block in _without_bom(blocks):
        data = rest + block
        if in_long_line:
            line_end = data.find(b"\n") + 1
            if not line_end:
                rest = yield from _full_pieces(data, limits.piece_bytes)
                continue
            yield from _pieces(data[:line_end], limits.piece_bytes)
            in_long_line, data = False, data[line_end:]
        end = data.rfind(b"\n") + 1
        if end:
            yield from _whole_lines(data[:end], limits)
        rest = data[end:]
        if len(rest) > limits.line_bytes:
            rest = yield from _full_pieces(rest, limits.piece_bytes)
            in_long_line = True
    if rest:
        yield rest, in_long_line


def _whole_lines(data: bytes, limits: Limits) -> Iterator[tuple[bytes, bool]]:
    """Yield whole lines: too long ones in pieces, the others between them as they lie."""
    if len(data) <= limits.line_bytes:
        yield data, False
        return
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE) + 1
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    done = 0
    for line in np.flatnonzero(ends - starts - 1 > limits.line_bytes):
        if starts[line] > done:
            yield data[done : starts[line]], False
        done = int(ends[line])
        yield from _pieces(data[starts[line] : done], limits.piece_bytes)
    if done < len(data):
        yield data[done:], False


def _full_pieces(data: bytes, size: int) -> Generator[tuple[bytes, bool], None, bytes]:
    """Yield the pieces of exactly that size and return what is left, for the line may go on."""
    whole = len(data) // size * size
    yield from _pieces(data[:whole], size)
    return data[whole:]


def _pieces(data: bytes, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield a too long line in pieces of up to that size; its line end alone is no piece."""
    text = data.removesuffix(b"\n")
    for start in range(0, len(text), size):
        yield text[start : start + size], True


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
