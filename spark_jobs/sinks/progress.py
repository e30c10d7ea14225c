"""Spark's own notes of a query's progress: brought to disk with the ledger.

Spark writes them and leaves them to the operating system. Were they lost in a power cut and the ledger not, Spark would plan a
batch anew under a number that is settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.sinks.durable import sync_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Folders of notes: the plan of each batch, that it is done, and what a source has seen.
NOTES = ("offsets", "commits", "sources/0")
#: The newest notes of a folder are looked at; those before them were brought to disk with earlier batches.
NEWEST = 2


def sync_progress(checkpoint: Path) -> None:
    """Bring to disk what Spark has noted of the batch under way and the one before. Nothing where there is no checkpoint."""
    if checkpoint.exists():
        sync_all([*_newest(checkpoint), checkpoint])


def _newest(checkpoint: Path) -> Iterator[Path]:
    if (checkpoint / "metadata").exists():
        yield checkpoint / "metadata"
    for name in NOTES:
        folder = checkpoint / name
        if folder.is_dir():
            notes = [path for path in folder.iterdir() if note_number(path) is not None]
            yield from sorted(notes, key=lambda path: note_number(path) or 0)[-NEWEST:]
            yield folder


def note_number(path: Path) -> int | None:
    """The number of a note such as ``17`` or ``19.compact``; None of other files."""
    stem = path.name.removesuffix(".compact")
    return int(stem) if stem.isdecimal() else None
