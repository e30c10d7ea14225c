"""A part of a table: a Parquet file that is written and counted, and visible to no one until it is committed.

A part is a finished Parquet file in a table's folder with what the Delta log must say of it. Written twice (a retried
task, a batch tried again after a crash), the file that is never committed stays invisible and is swept up by VACUUM.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: which table, where in it, how many rows its own footer says it has, and its statistics."""

    table: str
    path: str
    size: int
    rows: int
    partition: dict[str, str | None]
    stats: str
    modified_ms: int

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for the way from a worker, and for journals. Its names are read from journals of earlier releases."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Part:
        """Return the part that :meth:`to_json` described."""
        return cls(**plain)
