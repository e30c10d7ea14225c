"""What every reader of files yields: rows as received, in columns, with their positions; and those unread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that could not be read: its position from 1, every reason as (code, field, detail), and its text."""

    position: int
    reasons: tuple[tuple[str, str | None, str], ...]
    raw: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file. ``columns``: field name → text array; ``rest``: map array of the unknown fields, if any.

    A null in a column: the row did not name the field. '': it did, and gave nothing.
    """

    positions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    rest: pa.Array | None = None
    unread: tuple[Unread, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in the chunk, read and unread."""
        return len(self.positions) + len(self.unread)
