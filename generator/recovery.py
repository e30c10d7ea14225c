"""Recovery after a run that was killed: folder and manifest are brought back to the last file delivered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generator.manifest import CLOSING, Closing, read_closing
from generator.options import OptionsError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = re.compile(r"[a-z_]+_\d{6,}(?:_[a-z0-9]+)?\.csv(?:\.gz)?")
_TEMPORARY = re.compile(rf"\.({FILE_NAME.pattern})\.tmp")
_OWN_LINES = (b'{"source": ', CLOSING.encode())


def temporary_name(name: str) -> str:
    """Return the name while a file is being written; landing does not read names that begin with a dot."""
    return f".{name}.tmp"


def recover(folder: Path, manifest: Path) -> Closing | None:
    """Clean up after a run that was killed; return the closing line of the last file delivered into ``folder``.

    ``folder`` is ``out/subject``. Temporary files are deleted, and the manifest's end is cut off where it speaks of a
    file that never got its final name. Returns None if the manifest names no file. Idempotent. Raises OptionsError if
    the file is no manifest.
    """
    begun = {path: match[1] for path in folder.iterdir() if (match := _TEMPORARY.fullmatch(path.name))}
    undelivered = {f"{folder.name}/{name}" for name in begun.values() if not (folder / name).exists()}
    last = _cut_undelivered_end(manifest, undelivered)
    for path in begun:  # only now: until the manifest is cut, they alone show that a file was not delivered
        path.unlink()
    return last


def _cut_undelivered_end(manifest: Path, undelivered: set[str]) -> Closing | None:
    """Cut the manifest behind the last block whose file was delivered, and return that block's closing line."""
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
