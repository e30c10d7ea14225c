"""Spark's own notes of a query's progress: brought to disk with the journal, and set aside where they are damaged.

Spark writes them and leaves them to the operating system. Were they lost in a power cut and the journal not, Spark would plan a
batch anew under a number that is committed.
"""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.storage.files import make_folder, sync_all, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Folders of notes: the plan of each batch, that it is done, and what a source has seen.
NOTES = ("offsets", "commits", "sources/0")
#: The newest notes of a folder are looked at; those before them were brought to disk with earlier batches.
NEWEST = 2


def sync_notes(checkpoint: Path) -> None:
    """Bring to disk what Spark has noted of the batch under way and the one before. Nothing where there is no checkpoint."""
    if checkpoint.exists():
        sync_all([*_newest(checkpoint), checkpoint])


def _newest(checkpoint: Path) -> Iterator[Path]:
    if has_begun(checkpoint):
        yield checkpoint / "metadata"
    for name in NOTES:
        folder = checkpoint / name
        if folder.is_dir():
            notes = [path for path in folder.iterdir() if note_number(path) is not None]
            yield from sorted(notes, key=lambda path: note_number(path) or 0)[-NEWEST:]
            yield folder


def note_number(path: Path) -> int | None:
    """Return the number of a note such as ``17`` or ``19.compact``; None of other files."""
    stem = path.name.removesuffix(".compact")
    return int(stem) if stem.isdecimal() else None


class ProgressError(TallyError):
    """Spark's notes of a query's progress are damaged, and cannot be restored from what is left."""


Notes = dict[int, Path]


def repair_notes(checkpoint: Path) -> list[str]:
    """Set aside the notes from which Spark cannot go on after a power cut; return a sentence for each.

    These are empty or cut off notes, and those that depend on them: listings and plans after a gap, plans of a listing that is
    lost, commits of a plan that is lost. Spark plans those batches anew. The query finds out what of them is done already: its
    journal has the range of each batch, the tables its rows and files. Done twice, the second finds nothing. ProgressError where
    the checkpoint's id is lost.
    """
    offsets, commits, seen = (_notes(checkpoint / name) for name in NOTES)
    done = _restore_id(checkpoint) if offsets or has_begun(checkpoint) else []
    done += _set_all_aside(seen, _unusable(seen, start=_first_listing(seen)))
    done += _set_all_aside(offsets, _unusable(offsets, start=None))
    done += _set_all_aside(offsets, _plans_of_lost_listings(offsets, max(seen, default=-1)))
    lost = {number: "is of a batch whose plan is lost" for number in commits if number > max(offsets, default=-1)}
    damaged = {number: why for number in sorted(commits)[-NEWEST:] if (why := _broken(commits[number]))}
    done += _set_all_aside(commits, {**lost, **damaged})
    if not offsets:
        _remove_checksums(checkpoint)
    return done


def _remove_checksums(checkpoint: Path) -> None:
    """Remove the checksums of lost notes: Spark begins anew only in folders that hold nothing at all."""
    for name in NOTES[:2]:
        for checksum in (checkpoint / name).glob(".*.crc"):
            checksum.unlink()


def _restore_id(checkpoint: Path) -> list[str]:
    """Write the checkpoint's id again where it is lost and the newest journal knows it: without it Spark refuses to start."""
    try:
        query_id(checkpoint)
    except ProgressError:
        journals = [path for path in (checkpoint / "prepared").glob("*.json") if path.stem.isdecimal()]
        known = [_writer_of(path) for path in sorted(journals, key=lambda path: int(path.stem))]
        if not known or known[-1] is None:
            raise
        (checkpoint / ".metadata.crc").unlink(missing_ok=True)
        write_json(checkpoint / "metadata", {"id": known[-1]})
        return [f"{checkpoint / 'metadata'} was lost, as a power cut can leave it; the journal knows the id"]
    return []


def _writer_of(journal: Path) -> str | None:
    """Return the query that wrote a journal file; None where the file does not say."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        plain = json.loads(journal.read_text(encoding="utf-8"))
        return str(plain.get("writer") or plain["facts"]["query_id"])
    return None


def _notes(folder: Path) -> Notes:
    found = folder.iterdir() if folder.is_dir() else ()
    return {number: path for path in found if (number := note_number(path)) is not None}


def _first_listing(seen: Notes) -> int:
    """Return the listing that Spark reads first: the last that holds all before it, else the first of all."""
    return max(
        (number for number, path in seen.items() if path.name.endswith(".compact") and not _broken(path)), default=0
    )


def _unusable(notes: Notes, start: int | None) -> dict[int, str]:
    """Return why notes cannot be used: damaged, or after a gap. Spark needs all from ``start`` on; of plans (None) the last two."""
    wrong = {number: why for number in sorted(notes)[-NEWEST:] if (why := _broken(notes[number]))}
    wrong |= {number: "is empty" for number, path in notes.items() if number not in wrong and not path.stat().st_size}
    sound = set(notes) - set(wrong)
    if start is not None:
        gap = next(number for number in itertools.count(start) if number not in sound)
        return wrong | {number: "comes after one that is lost" for number in sound if number > gap}
    for number in sorted(sound, reverse=True):
        if number == 0 or number - 1 in sound:
            break
        wrong[number] = "comes after one that is lost"
    return wrong


def _plans_of_lost_listings(offsets: Notes, listed: int) -> dict[int, str]:
    """Return why plans cannot be used that name a listing of files that is lost: Spark lists the same files again."""
    found = {}
    for number in sorted(offsets, reverse=True):
        if why := _broken(offsets[number]):
            found[number] = why
            continue
        last = json.loads(offsets[number].read_text(encoding="utf-8").splitlines()[-1])
        listing = last.get("logOffset", -1) if isinstance(last, dict) else -1
        if listing <= listed:
            break
        found[number] = f"is of listing {listing} of the landed files, which is lost"
    return found


def _set_all_aside(notes: Notes, wrong: Mapping[int, str]) -> list[str]:
    """Set notes aside, the newest first, so that a kill in between leaves no gap. They are taken out of ``notes``, too."""
    return [_set_aside(notes.pop(number), wrong[number]) for number in sorted(wrong, reverse=True)]


def _broken(path: Path) -> str | None:
    """Return what is wrong with a note; None if it is whole: its version, then a line of JSON or ``-`` for each thing noted."""
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


def has_begun(checkpoint: Path) -> bool:
    """True if Spark has begun the query of the checkpoint, and given it an id."""
    return (checkpoint / "metadata").exists()


def query_id(checkpoint: Path) -> str:
    """Return the id that Spark gave the checkpoint; a deleted checkpoint gets a new one, and so new writers.

    ProgressError where it cannot be told, as another id would make other writers.
    """
    note = checkpoint / "metadata"
    text = note.read_text(encoding="utf-8", errors="replace") if note.exists() else None
    try:
        return str(json.loads(text or "")["id"])
    except (ValueError, KeyError, TypeError):
        why = "is gone" if text is None else "is cut off" if text else "is empty"
        raise _lost(checkpoint, note, why) from None


def _lost(checkpoint: Path, note: Path, why: str) -> ProgressError:
    return ProgressError(
        f"{note} {why}, as a power cut can leave it: restore it from a backup; without one, delete {checkpoint}, and what it "
        "had read is read again and recorded as duplicates"
    )


def _set_aside(note: Path, why: str) -> str:
    """Move a note out of its folder, which Spark wants empty to begin anew, and remove its checksum; return a sentence on it."""
    checkpoint = note.parents[2] if note.parent.parent.name == "sources" else note.parents[1]
    kept = checkpoint / "damaged" / "-".join(note.relative_to(checkpoint).parts)
    make_folder(kept.parent)
    note.replace(kept)
    note.with_name(f".{note.name}.crc").unlink(missing_ok=True)
    sync_all([kept.parent, note.parent])
    return f"{note} {why}, as a power cut can leave it; it is kept in {kept.parent}, and the batch is planned anew"
