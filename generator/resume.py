"""Where a run begins: behind the last file delivered, in the world that file came from if the options are the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generator.clock import to_ms
from generator.manifest import CLOSING, Closing, read_closing
from generator.options import OptionsError
from generator.plan import World

if TYPE_CHECKING:
    from pathlib import Path

    from generator.options import GeneratorOptions

_DELIVERED = re.compile(r"events_(\d{6,})\.csv(?:\.gz)?")
_TEMPORARY = re.compile(r"\.([a-z_]+_\d{6,}(?:_[a-z0-9]+)?\.csv(?:\.gz)?)\.tmp")

_OWN_LINES = (b'{"source": ', CLOSING.encode())


def file_name(index: int, *, gzipped: bool) -> str:
    """The final name of a file; names sort as the files were written."""
    return f"events_{index:06d}.csv{'.gz' if gzipped else ''}"


def temporary_name(name: str) -> str:
    """The name while a file is being written; landing does not read names that begin with a dot."""
    return f".{name}.tmp"


def resumed_world(options: GeneratorOptions) -> tuple[World, int]:
    """The world to write in and the number of the next file, after tidying up (see ``tidied``).

    Other options than before begin a new world behind the old one, whose clock does not go back and whose copies are
    of its own files only.
    """
    folder = options.out / options.subject
    last = tidied(folder, options.manifest)
    numbers = [int(found[1]) for path in folder.iterdir() if (found := _DELIVERED.fullmatch(path.name))]
    index = max([*numbers, last.number if last else 0]) + 1
    if last and last.world == options.fingerprint() and last.number == index - 1:
        return World(options, last.first, last.origin_ms), index
    return World(options, index, max(to_ms(options.start), last.until_ms if last else 0)), index


def tidied(folder: Path, manifest: Path) -> Closing | None:
    """The closing line of the last file delivered into ``folder`` (``out/subject``); None if the manifest names none.

    Tidies up after a run that was killed: temporary files go, and so does the manifest's end where it speaks of a file
    that never got its final name. Done twice it finds nothing more to do. OptionsError if it is no manifest.
    """
    begun = {path: match[1] for path in folder.iterdir() if (match := _TEMPORARY.fullmatch(path.name))}
    undelivered = {f"{folder.name}/{name}" for name in begun.values() if not (folder / name).exists()}
    last = _cut_open_end(manifest, undelivered)
    for path in begun:  # only now: until the manifest is cut they are what tells that a file was not delivered
        path.unlink()
    return last


def _cut_open_end(manifest: Path, undelivered: set[str]) -> Closing | None:
    """Cut the manifest behind the last block that counts, and return that block's closing line."""
    if not manifest.exists():
        return None
    last, end, position = None, 0, 0
    with manifest.open("rb+") as lines:
        for line in lines:
            if not line.startswith(_OWN_LINES):
                raise OptionsError(f"{manifest} is no manifest of this generator: choose another --manifest")
            position += len(line)
            closing = read_closing(line.decode("utf-8")) if line.startswith(_OWN_LINES[1]) else None
            if closing and closing.file not in undelivered:
                last, end = closing, position
        lines.truncate(end)
    return last
