"""All that lies in a landing folder: files to read, files of another ending, and what may not be read.

No link is followed, nothing is opened.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.landing.open_file import REFUSALS, kind_of, visible_text
from spark_jobs.landing.spark_source import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMPTY_FOLDER = "a folder, with no file in it"


@dataclass(frozen=True, slots=True)
class LandingEntry:
    """A file, link, pipe or folder in a landing folder.

    ``name``: its path from the folder on; bytes of it that are no UTF-8 as \\xNN. ``bytes`` and ``modified_ms`` (epoch
    milliseconds): of a regular file. ``set_aside_reason``: why it may not be read, if so. ``other_ending``: its ending is none of
    ENDINGS, so it is left alone.
    """

    name: str
    bytes: int = 0
    modified_ms: int = 0
    set_aside_reason: str | None = None
    other_ending: bool = False


def list_folder(folder: Path) -> Iterator[LandingEntry]:
    """Yield what lies in the folder and in folders within it; names that begin with . or _ are left out.

    Of folders only those are yielded that are named like a file and hold none, or that may not be listed. A folder that is not
    there holds nothing.
    """
    empty: dict[str, LandingEntry] = {}  # folders named like a file in which no file was found so far
    to_list = [""]
    while to_list:
        at = to_list.pop()
        try:
            entries = _entries(folder / at)
        except OSError as error:
            empty.pop(at[:-1], None)
            yield from _unlisted_folder(at, error)
            continue
        for entry in entries:
            name = at + entry.name
            if entry.is_dir(follow_symlinks=False):
                to_list.append(f"{name}/")
                empty |= {name: _set_aside(name, EMPTY_FOLDER)} if name.endswith(ENDINGS) else {}
            elif (found := _landing_entry(name, entry)) is not None:
                _remove_parents(empty, name)
                yield found
    yield from empty.values()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((one for one in entries if not one.name.startswith((".", "_"))), key=lambda one: one.name)


def _remove_parents(empty: dict[str, LandingEntry], name: str) -> None:
    """Remove the folders that hold a file from the empty ones."""
    for end in (place for place, letter in enumerate(name) if letter == "/"):
        empty.pop(name[:end], None)


def _unlisted_folder(at: str, error: OSError) -> Iterator[LandingEntry]:
    """Yield a folder within that may not be listed; nothing where it, or the landing folder itself, is not there.

    Raises the error where it says nothing of the folder, or where the landing folder itself may not be listed.
    """
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return
    if not at or error.errno not in REFUSALS:
        raise error
    yield _set_aside(at.rstrip("/"), f"a folder: {REFUSALS[error.errno].replace('read', 'list')}")


def _landing_entry(name: str, entry: os.DirEntry[str]) -> LandingEntry | None:
    """Return the entry of something that is no folder; None where it is gone by now."""
    to_read = name.endswith(ENDINGS)
    try:
        status = entry.stat(follow_symlinks=False)
        if not to_read and not (entry.is_symlink() and _leads_to_folder(entry)):
            return LandingEntry(_shown(name), other_ending=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        return _set_aside(name, REFUSALS[error.errno]) if to_read else LandingEntry(_shown(name), other_ending=True)
    return _measured(name, status)


def _measured(name: str, status: os.stat_result) -> LandingEntry:
    """Return the entry of a regular file with its size; of anything else, or of a name that is no UTF-8, with the reason."""
    regular = stat.S_ISREG(status.st_mode)
    reason = None if regular else kind_of(status.st_mode)
    if regular and _shown(name) != name:
        reason = "its name is no UTF-8"
    return LandingEntry(_shown(name), status.st_size if regular else 0, status.st_mtime_ns // 1_000_000, reason)


def _set_aside(name: str, reason: str) -> LandingEntry:
    return LandingEntry(_shown(name), set_aside_reason=reason)


def _leads_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:
        return False


def _shown(name: str) -> str:
    return visible_text(os.fsencode(name))
