"""What a power cut leaves of files that were not brought to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spark_jobs.storage.cache import StorageCache, use_storage_cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: What a power cut makes of a file, by what it held.
CUTS = {
    "empty": lambda _: b"",
    "cut off": lambda whole: whole[: len(whole) * 2 // 3],
    "zeros": lambda whole: b"\0" * len(whole),
}
cut = pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)


def forget() -> None:
    """As a process that is started after the power cut."""
    use_storage_cache(StorageCache())


def damage(path: Path, cut: Callable[[bytes], bytes]) -> None:
    path.write_bytes(cut(path.read_bytes()))
    forget()
