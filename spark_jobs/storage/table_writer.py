"""Write rows of a table, a part for each partition."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.storage.part_writer import PartWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table

#: A part that has this many rows is finished and another one begun, so that readers take a huge file piece by piece.
PART_ROWS = 1_000_000
#: A batch can hold years, a part a day: beyond this much that is not yet written, the largest parts are finished.
OPEN_BYTES = 256 * 1024 * 1024


class TableWriter:
    """Writes rows of one table, one open part per partition value met; a full part is followed by another.

    Where writing fails, as on a full disk, all its parts are removed.
    """

    def __init__(self, table: Table, fixed: Mapping[str, str] | None = None) -> None:
        self._table = table
        self._fixed = dict(fixed or {})
        self._free = [name for name in table.partition_by if name not in self._fixed]
        if len(self._free) > 1:
            raise ValueError(f"{table.name}: at most one partition column may vary within a write, got {self._free}")
        self._open: dict[str | None, PartWriter] = {}
        self._done: list[Part] = []
        self._buffered = 0

    def write(self, rows: pa.Table) -> None:
        """Write rows to the part of their partition."""
        if rows.num_rows:
            with self._discard_on_error():
                self._send(rows)

    def _send(self, rows: pa.Table) -> None:
        if not self._free:
            self._write(None, rows)
            return
        for value, same in _by_value(rows, self._free[0]):
            self._write(value, same)

    def close(self) -> list[Part]:
        """Finish and return every part; none where no row came."""
        with self._discard_on_error():
            for value in list(self._open):
                self._finish(value)
        return self._done

    @contextmanager
    def _discard_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            for writer in self._open.values():
                writer.discard()
            for part in self._done:
                (Path(self._table.path) / part.path).unlink(missing_ok=True)
            raise

    def _write(self, value: str | None, rows: pa.Table) -> None:
        if value not in self._open:
            self._open[value] = self._begin(value)
        writer = self._open[value]
        self._buffered -= writer.buffered_bytes
        writer.write(rows)
        self._buffered += writer.buffered_bytes
        if writer.rows >= PART_ROWS:
            self._finish(value)
        while self._buffered > OPEN_BYTES:
            self._finish(max(self._open, key=lambda each: self._open[each].buffered_bytes))

    def _begin(self, value: str | None) -> PartWriter:
        values = {**self._fixed, **dict.fromkeys(self._free, value)}
        return PartWriter(self._table, {name: values[name] for name in self._table.partition_by})

    def _finish(self, value: str | None) -> None:
        writer = self._open[value]
        self._buffered -= writer.buffered_bytes
        self._done.append(writer.close())
        del self._open[value]


def write_parts(table: Table, rows: pa.Table, **fixed: str) -> list[Part]:
    """Write these rows at once; for few."""
    writer = TableWriter(table, fixed)
    writer.write(rows)
    return writer.close()


def _by_value(rows: pa.Table, name: str) -> Iterator[tuple[str | None, pa.Table]]:
    """Yield the rows of each value of a column in their order, values as they are met: sorted once, not searched for each value.

    Each is a copy of its own: a slice would keep all rows in memory for as long as the smallest part is open.
    """
    encoded = rows[name].combine_chunks().dictionary_encode(null_encoding="encode")
    values = [_partition_text(value) for value in encoded.dictionary.to_pylist()]
    if len(values) == 1:
        yield values[0], rows
        return
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(values)))
    for value, same in zip(values, np.split(order, ends[:-1]), strict=True):
        yield value, rows.take(pa.array(same))


def _partition_text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else str(value)
