"""What every reader of files yields: rows as received, in columns, with their positions; and those unread."""

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
    """A row that could not be read: its position from 1, every reason as (code, field, detail), and its text."""

    position: int
    reasons: tuple[Reason, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file. ``columns``: field name → text array; ``rest``: map array of the unknown fields, if any.

    A null in a column: the row did not name the field. '': it did, and gave nothing.
    """

    positions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    rest: pa.Array | None = None
    unread: tuple[UnreadRow, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in the chunk, read and unread."""
        return len(self.positions) + len(self.unread)

    def part(self, at: int, rows: int) -> Chunk:
        """So many of the rows that were read, from one on; none of those unread."""
        columns = {name: column.slice(at, rows) for name, column in self.columns.items()}
        rest = None if self.rest is None else self.rest.slice(at, rows)
        return Chunk(self.positions[at : at + rows], columns, rest)


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items, at most that many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))
