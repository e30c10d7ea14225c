"""A pattern as a tree. Characters are masks: a bit for each of ASCII, and one for all others together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHERS = 1 << 128
"""In a mask of ASCII characters: every character beyond ASCII."""
ALL = (OTHERS << 1) - 1


@dataclass(frozen=True, slots=True)
class Char:
    """One character out of a mask, which may be too wide but never too narrow. ``any``: truly each character."""

    mask: int
    any: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    r"""A place in the text: ^ $ \A \z \b \B."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same again, from `low` to `high` times; None is without end."""

    body: Node
    low: int
    high: int | None


Node = Char | Anchor | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read: its tree, and how many groups it captures."""

    tree: Node
    groups: int


def mask_of(characters: Iterable[str]) -> int:
    """The mask that holds these characters."""
    mask = 0
    for each in characters:
        mask |= 1 << ord(each) if ord(each) < 128 else OTHERS
    return mask
