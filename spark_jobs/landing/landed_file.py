"""Landed files as values: a file to be read, and a file that was read or could not be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FileToLand:
    """A file to be read. ``modified_ms``: epoch milliseconds. ``source``: its path from LANDING_ROOT on, the subject first.

    ``ingested_at`` (epoch microseconds) differs for every reading of every file, and orders them.
    """

    path: str
    source: str
    bytes: int
    modified_ms: int
    ingested_at: int

    @property
    def folder_and_path(self) -> tuple[Path, tuple[str, ...]]:
        """Return the subject's landing folder, which may lie behind links, and the path within it, where no link is followed."""
        within = tuple(self.source.split("/"))[1:] or (self.source,)
        return Path(self.path).parents[len(within) - 1], within


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file that was read, or could not be: rows written to Bronze, and how many of them could not be read.

    ``status``: landed, empty, vanished, or set_aside, with the reason as ``detail``. ``fingerprint``: null where it was not opened.
    """

    source: str
    fingerprint: str | None
    bytes: int
    rows: int
    unreadable: int
    status: str
    source_time_ms: int
    ingested_at: int
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dict, for the trip from a worker to the driver."""
        return asdict(self)
