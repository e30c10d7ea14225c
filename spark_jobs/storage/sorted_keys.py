"""The keys of a file in order, so that a few are found without going through all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.storage.key_set import comparable, null_mask

if TYPE_CHECKING:
    import numpy.typing as npt

    from spark_jobs.storage.deletion_vectors import RowNumbers


@dataclass(frozen=True, slots=True)
class SortedKeys:
    """The keys of one file, ascending, each with the number of its row, and the rows without a key. Searched by halving."""

    keys: npt.NDArray[Any]
    rows: npt.NDArray[np.uint32]
    without: RowNumbers

    @classmethod
    def of(cls, column: pa.Array) -> SortedKeys:
        """Sort a key column of one of the types that :func:`comparable` knows."""
        numbers, lacking = comparable(column), null_mask(column)
        assert numbers is not None
        order = np.argsort(numbers, kind="stable")
        order = order[~lacking[order]]
        return cls(numbers[order], order.astype(np.uint32), np.flatnonzero(lacking))

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        return self.keys.nbytes + self.rows.nbytes + self.without.nbytes

    def find(self, keys: pa.Array) -> RowNumbers:
        """Return the numbers of the rows that have one of the keys, ascending. A null among ``keys`` matches rows without one."""
        numbers = comparable(pc.drop_null(keys))
        assert numbers is not None
        numbers = np.sort(numbers)
        first, last = np.searchsorted(self.keys, numbers, "left"), np.searchsorted(self.keys, numbers, "right")
        counts = last - first
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        rows = self.rows[places.astype(np.int64)].astype(np.int64)
        return np.sort(np.concatenate([rows, self.without]) if keys.null_count else rows)
