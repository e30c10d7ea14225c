"""Folders that are ours: kept from others and, where a command may make one anew, with its mark on it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from spark_jobs.errors import UsageError
from spark_jobs.storage.files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MARK = ".made-by-tally"


def require_own(folder: Path, command: str) -> None:
    """UsageError where the folder holds anything and was not made by the command; a link to a folder is none of its own."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is a link or a file: name a folder of its own with --out")
    if folder.exists() and any(folder.iterdir()) and _maker(folder) != command:
        raise UsageError(
            f"{folder} holds something that `tally {command}` did not make, or that an earlier version made: "
            "name another folder with --out, or remove it yourself"
        )


def made_anew(folder: Path, command: str, parts: Sequence[str]) -> None:
    """The folder with its mark and none of these parts, patterns of names; others cannot look into it, what else is there stays.

    Killed on the way, the next time goes on: the mark is there before anything that is removed later.
    """
    require_own(folder, command)
    make_private_folder(folder)
    (folder / MARK).write_text(f"{command}\n", encoding="utf-8")
    for path in [path for part in parts for path in folder.glob(part)]:
        try:
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be removed ({error.strerror}): remove it, or name another folder with --out"
            ) from None


def _maker(folder: Path) -> str | None:
    mark = folder / MARK
    return mark.read_text(encoding="utf-8").strip() if mark.is_file() and not mark.is_symlink() else None
