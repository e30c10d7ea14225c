"""Folders that a command may make anew: each has the command's mark, and the lake, landing folder and logs of its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from spark_jobs.errors import UsageError
from spark_jobs.storage.files import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.settings import Settings

MARK = ".made-by-tally"


def require_own(folder: Path, command: str) -> None:
    """Raise UsageError if the folder holds anything that the command did not make, or is a link or a file."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is a link or a file: name a folder of its own with --out")
    if folder.exists() and any(folder.iterdir()) and _maker(folder) != command:
        raise UsageError(
            f"{folder} holds something that `tally {command}` did not make, or that an earlier version made: "
            "name another folder with --out, or remove it yourself"
        )


def remake(folder: Path, command: str, parts: Sequence[str]) -> None:
    """Make the folder with its mark, private to its owner, and remove what matches ``parts``, patterns of names; the rest stays.

    May be killed at any point and called again: the mark is written before anything is removed.
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


def settings_in(settings: Settings, folder: Path) -> Settings:
    """Return the settings with the lake, the landing folder and the logs under ``folder``."""
    places = replace(settings.lake, root=folder / "lake", landing=folder / "input", logs=folder / "logs")
    return replace(settings, lake=places)


def _maker(folder: Path) -> str | None:
    mark = folder / MARK
    return mark.read_text(encoding="utf-8").strip() if mark.is_file() and not mark.is_symlink() else None
