"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass

#: How many examples a finding names.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: what, how many rows, keys or batches, and some of them."""

    what: str
    count: int
    examples: tuple[str, ...] = ()
