"""``Change``, one change as its source made it, and ``ChangeLog``, a subject's changes in source order."""

from __future__ import annotations

from typing import NamedTuple

from generator.changes.contracts import latest_version

Row = dict[str, str]
SEQ_STEP = 8  # the numbers between two changes of a log are free for faulty ones


class Change(NamedTuple):
    """``row`` has the latest version's fields, as canonical text, '' for null; it is never changed in place.

    ``version`` is the one it is written in. ``status_only`` is True if nothing but the order's status is new, so that
    a file may hold it under a header of key and status.
    """

    op: str
    moment_ms: int
    seq: int
    change_id: str
    version: int
    row: Row
    status_only: bool = False


class ChangeLog:
    """The log of one subject: sequence and change ids ascend as changes are written."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.latest = latest_version(subject)
        self._count = 0
        self._changes: list[Change] = []

    def write(self, op: str, moment_ms: int, row: Row, *, version: int = 0, status_only: bool = False) -> None:
        """Append a change in the given version, by default the latest."""
        self._count += 1
        change_id = f"{self.subject}-{self._count:012d}"
        seq = self._count * SEQ_STEP
        self._changes.append(Change(op, moment_ms, seq, change_id, version or self.latest, row, status_only))

    def take(self) -> list[Change]:
        """Return the changes written since the last call."""
        changes, self._changes = self._changes, []
        return changes
