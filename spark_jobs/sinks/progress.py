"""Spark's own notes of a query's progress: brought to disk with the ledger.

Spark writes them and leaves them to the operating system. Were they lost in a power cut and the ledger not, Spark would plan a
batch anew under a number that is settled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.sinks.durable import sync_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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


class ProgressError(TallyError):
    """Spark's notes of a query's progress are damaged, and what they said cannot be told from what is left."""


def mend_progress(checkpoint: Path) -> list[str]:
    """Set aside the newest plan of a batch, or that it is done, where a power cut has left the note empty; says what it did.

    What a batch without its notes is planned to be may differ from what the ledger has of it: whoever resumes looks. Done
    twice, the second finds nothing. ProgressError where more is damaged, or the notes of what a source has seen are.
    """
    offsets, commits, seen = (_notes(checkpoint / name) for name in NOTES)
    if offsets or (checkpoint / "metadata").exists():
        checkpoint_id(checkpoint)
    for number in sorted(seen)[-NEWEST:]:
        _require(checkpoint, seen[number])
    told = []
    if commits and _broken(commits[max(commits)]):
        told.append(_set_aside(commits.pop(max(commits))))
    if offsets and (why := _broken(offsets[max(offsets)]) or _ahead(offsets[max(offsets)], commits, seen)):
        number = max(offsets)
        told.append(_set_aside(offsets.pop(number), why))
        if number in commits:
            told.append(_set_aside(commits.pop(number), "is of a batch whose plan is lost"))
    for notes in (offsets, commits):
        for number in sorted(notes)[-NEWEST:]:
            _require(checkpoint, notes[number])
    return told


def _notes(folder: Path) -> dict[int, Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return {number: path for path in found if (number := note_number(path)) is not None}


def _broken(path: Path) -> str | None:
    """What is wrong with a note: its version, then a line of JSON or ``-`` for each thing noted."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines:
        return "is empty"
    try:
        for line in lines[1:]:
            if line != "-":
                json.loads(line)
    except ValueError:
        return "is cut off"
    return None if lines[0].startswith("v") else "is cut off"


def _ahead(offsets: Path, commits: Mapping[int, Path], seen: Mapping[int, Path]) -> str | None:
    """Whether a plan, not done yet, goes by a listing of files that is lost: the same files are then listed again."""
    number = note_number(offsets)
    last = json.loads(offsets.read_text(encoding="utf-8").splitlines()[-1])
    listed = last.get("logOffset") if isinstance(last, dict) else None
    if listed is None or number in commits or listed <= max(seen, default=-1):
        return None
    return f"is of listing {listed} of the landed files, which is lost"


def checkpoint_id(checkpoint: Path) -> str:
    """The id that Spark gave the checkpoint; ProgressError where it cannot be told, as another would make other writers."""
    note = checkpoint / "metadata"
    text = note.read_text(encoding="utf-8", errors="replace") if note.exists() else None
    try:
        return str(json.loads(text or "")["id"])
    except (ValueError, KeyError, TypeError):
        why = "is gone" if text is None else "is cut off" if text else "is empty"
        raise _lost(checkpoint, note, why) from None


def _require(checkpoint: Path, note: Path) -> None:
    if why := _broken(note):
        raise _lost(checkpoint, note, why)


def _lost(checkpoint: Path, note: Path, why: str) -> ProgressError:
    return ProgressError(
        f"{note} {why}, as a power cut can leave it: restore it from a backup; without one, delete {checkpoint}, and what it "
        "had read is read again and recorded as duplicates"
    )


def _set_aside(note: Path, why: str = "is empty or cut off") -> str:
    """Spark passes over names that are no numbers; the checksum beside the note goes, as it is of the old one."""
    aside = note.with_name(f".{note.name}.damaged")
    note.replace(aside)
    note.with_name(f".{note.name}.crc").unlink(missing_ok=True)
    sync_all([note.parent])
    return f"{note} {why}, as a power cut can leave it; it is kept as {aside.name}, and the batch is planned anew"
