"""Blocks of a file's bytes as blocks of whole lines, so that no reader depends on where a block happens to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BOM = b"\xef\xbb\xbf"
#: A line longer than this may be torn into pieces, so that a file without line ends takes bounded memory too.
LONGEST_LINE = 8 * 1024 * 1024


def line_blocks(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The content without a byte order mark, in blocks that end where a line does; the very last may lack its line end.

    The flag says that the block is but a piece of a line which is too long to be held.
    """
    rest, torn = b"", False
    for block in _without_bom(blocks):
        data = rest + block
        if torn:
            tail = data.find(b"\n") + 1 or len(data)
            yield data[:tail], True
            torn, data = not data.endswith(b"\n", 0, tail), data[tail:]
        end = data.rfind(b"\n") + 1
        if end:
            yield data[:end], False
        rest = data[end:]
        if len(rest) > LONGEST_LINE:
            yield rest, True
            rest, torn = b"", True
    if rest:
        yield rest, False


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
