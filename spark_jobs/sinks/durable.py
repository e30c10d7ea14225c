"""What outlives a power cut: files and folders brought to disk, and notes that are there whole or not at all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def sync(path: Path) -> None:
    """Bring a file's bytes, or a folder's names, to disk.

    Without it, what was renamed or linked in a folder may be gone after a power cut.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_down(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a note as JSON: all of it, on disk, or nothing. Done twice, the second takes the first one's place."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(plain, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)
