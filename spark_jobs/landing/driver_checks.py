"""Checks on the driver of what workers say of files: one that only a worker cannot see, or read, stops the batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.errors import TallyError
from spark_jobs.landing.open_file import SetAsideError, open_regular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from spark_jobs.landing.landed_file import FileToLand


class LandingError(TallyError):
    """A landed file, or the folder that held it, cannot be seen or read by everyone who has to."""


def require_vanished(files: Iterable[FileToLand], vanished: Collection[str], folder: Path) -> None:
    """LandingError unless the driver, too, finds the sources ``vanished`` gone, from a landing folder that is there.

    A file that only a worker cannot see is there nevertheless, and a folder that is away took its files along.
    """
    if vanished and not folder.is_dir():
        raise LandingError(
            f"the landing folder {folder} is gone, with {len(vanished)} files of the batch: bring it back"
        )
    for file in files:
        if file.source in vanished and _exists(Path(file.path)):
            raise LandingError(
                f"{file.path} was not there for the worker that was to read it, but it is there for the driver: "
                "LANDING_ROOT must be storage that the driver and all workers share; the batch is tried again"
            )


def require_set_aside(files: Iterable[FileToLand], set_aside: Collection[str]) -> None:
    """LandingError unless the driver, too, may not read the sources ``set_aside``: they are set aside for good."""
    for file in files:
        if file.source in set_aside and _may_be_read(file):
            raise LandingError(
                f"{file.path} could not be read by the worker that was to, but the driver can read it: workers need the same "
                "rights to LANDING_ROOT; the batch is tried again"
            )


def _may_be_read(file: FileToLand) -> bool:
    try:
        open_regular(*file.folder_and_path).close()
    except (SetAsideError, FileNotFoundError):
        return False
    return True


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True
