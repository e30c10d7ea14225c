"""Commits tried again where another writer was first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

#: How often a commit is tried again because another writer was first.
ATTEMPTS = 50


def retry_commit(name: str, commit: Callable[[], Result | None]) -> Result:
    """Return what ``commit`` returns; it is called again as long as that is None, as another writer was first.

    Each call starts from the table as it stands then. Raises DeltaLogError, which names the table, after ``ATTEMPTS`` calls.
    """
    for _ in range(ATTEMPTS):
        result = commit()
        if result is not None:
            return result
    raise DeltaLogError(f"{name}: other writers were first {ATTEMPTS} times; stop them, then start again")
