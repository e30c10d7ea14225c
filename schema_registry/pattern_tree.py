"""Classes for the syntax tree of a pattern. A set of characters is a mask: a bit for each of ASCII, one for all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHERS = 1 << 128
"""The bit of a mask for every character beyond ASCII."""
ALL = (OTHERS << 1) - 1


@dataclass(frozen=True, slots=True)
class Char:
    """One character of a mask; the mask may be wider than the truth but never narrower. ``any``: exactly every character."""

    mask: int
    any: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    r"""A position in the text: ^ $ \A \z \b \B."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Nodes that follow each other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node repeated `low` to `high` times; None is no upper limit."""

    body: Node
    low: int
    high: int | None


Node = Char | Anchor | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern: its tree, and the number of its capturing groups."""

    tree: Node
    groups: int


def mask_of(characters: Iterable[str]) -> int:
    """Return the mask of these characters."""
    mask = 0
    for each in characters:
        mask |= 1 << ord(each) if ord(each) < 128 else OTHERS
    return mask
