"""The result of an audit: the counts of one subject, and what does not agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: How many examples a finding names.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: what, how many rows, keys or batches, and some of them."""

    what: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """The counts of one subject in the tables, and what does not agree.

    ``waiting``: rows landed that lie beyond what refine has read; a row before that without a verdict is a finding.
    ``readings``: how many queries have read Bronze from its start. ``files_waiting``: files not yet landed. ``files_aside``: files
    in the landing folder that may not be read; none of their rows was read, so the books are whole.
    """

    subject: str
    bronze: int
    accepted: int
    duplicate: int
    dead_letter: int
    control: int
    waiting: int
    readings: int
    batches: int
    files_waiting: int
    files_aside: int = 0
    findings: tuple[Finding, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """True if nothing at all disagrees."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json."""
        return {**asdict(self), "balanced": self.balanced}
