"""A disk of a few pages, on which room runs out wherever a test wants it to."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 4096


class Disk:
    """A file system of its own and a ballast on it that takes all room but some pages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ballast = root / "ballast"

    @property
    def left(self) -> int:
        """Bytes that can still be written."""
        stat = os.statvfs(self.root)
        return stat.f_bavail * stat.f_bsize

    def leave(self, pages: int) -> None:
        """Take or give room until exactly so many pages are left."""
        size = self._ballast.stat().st_size if self._ballast.exists() else 0
        wanted = size + self.left - pages * PAGE
        with self._ballast.open("ab") as file:
            if wanted < size:
                file.truncate(max(0, wanted))
            else:
                os.posix_fallocate(file.fileno(), 0, wanted)

    def free(self) -> None:
        """Give all room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(root: Path, size: str) -> Iterator[Disk]:
    """A disk mounted at ``root``; the test is skipped where mounting is not allowed."""
    root.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(root)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
