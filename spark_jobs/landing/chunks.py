"""Chunks: what every reader of files yields, rows as received in columns of text, and the rows that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from spark_jobs.landing.limits import Reason

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A row that could not be read: its position in the file from 1, the reasons, and its text."""

    position: int
    reasons: tuple[Reason, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file. ``columns``: field name → text array; ``rest``: map array of the unknown fields, if any.

    A null in a column: the row does not name the field. An empty text: it does, and gives nothing. ``positions`` and the arrays
    are of the rows that were read; ``unread`` are the others.
    """

    positions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    rest: pa.Array | None = None
    unread: tuple[UnreadRow, ...] = ()

    @property
    def rows(self) -> int:
        """Return the number of rows, read and unread."""
        return len(self.positions) + len(self.unread)

    def part(self, start: int, rows: int) -> Chunk:
        """Return up to ``rows`` of the rows that were read, from place ``start`` on; none of those unread."""
        columns = {name: column.slice(start, rows) for name, column in self.columns.items()}
        rest = None if self.rest is None else self.rest.slice(start, rows)
        return Chunk(self.positions[start : start + rows], columns, rest)


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most ``size`` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
