"""An upper bound of the steps that a backtracking engine takes to match a pattern, for any text up to a length.

The tree is walked from right to left. Each choice that the next character does not decide multiplies the cost of the rest
by the number of alternatives; a choice that it decides costs nothing. A repetition whose body has an undecided choice can
take exponential time, and has no bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

from schema_registry.pattern_tree import ALL, Anchor, Char, Choice, Node, Pattern, Repeat, Sequence
from schema_registry.patterns import LONGEST_MATCHED

MOST_STEPS = 1e8
"""A pattern with a greater bound is refused; a machine takes about a second for so many."""

_END = (ALL + 1) * 2
_MOST_UNROLLED = 64


@dataclass(frozen=True, slots=True)
class _Rest:
    """The rest of a pattern after a node: its bound of steps, and the mask of what it can start with; 0 if it cannot fail."""

    cost: float
    first: int


def is_quick(pattern: Pattern, length: int = LONGEST_MATCHED, *, whole: bool) -> bool:
    """True if no text of up to `length` characters takes too long. ``whole``: the pattern must match all of the text."""
    return steps(pattern, length, whole=whole) <= MOST_STEPS


def steps(pattern: Pattern, length: int, *, whole: bool) -> float:
    """Return the bound. A pattern that is searched for is tried at every position, unless it starts with ^."""
    cost = _walk(pattern.tree, _Rest(1, _END) if whole else _Rest(0, 0), length).cost
    return cost if whole or _is_anchored(pattern.tree) else length * max(cost, 1)


def _is_anchored(node: Node) -> bool:
    if isinstance(node, Choice):
        return all(_is_anchored(branch) for branch in node.branches)
    if isinstance(node, Sequence):
        items = [item for item in node.items if item != Sequence(())]
        return bool(items) and _is_anchored(items[0])
    return node == Anchor("^")


def _walk(node: Node, rest: _Rest, length: int) -> _Rest:
    if rest.cost > MOST_STEPS:
        return _Rest(math.inf, ALL | _END)
    if isinstance(node, Char):
        return _Rest(1 + rest.cost, node.mask)
    if isinstance(node, Anchor):
        return _Rest(1 + rest.cost, {"$": _END, "^": rest.first}.get(node.kind, ALL | _END))
    if isinstance(node, Sequence):
        for item in reversed(node.items):
            rest = _walk(item, rest, length)
        return rest
    if isinstance(node, Choice):
        return _either([_walk(branch, rest, length) for branch in node.branches])
    return _repeated(node, rest, length)


def _either(ways: list[_Rest]) -> _Rest:
    """The engine tries one alternative after the other; if the next character decides, all but one fail at once."""
    first = 0
    for way in ways:
        first |= way.first
    costs = [way.cost for way in ways]
    return _Rest(len(ways) + (max(costs) if _are_apart([way.first for way in ways]) else sum(costs)), first)


def _are_apart(firsts: list[int]) -> bool:
    return not any(one & other for one, other in combinations(firsts, 2))


def _repeated(node: Repeat, rest: _Rest, length: int) -> _Rest:
    if _cannot_fail(node, rest):
        return _Rest(0, 0)
    is_char = isinstance(node.body, Char)
    if not is_char and node.high is not None and node.high <= _MOST_UNROLLED:
        return _unrolled(node, node.high, rest, length)
    starts = _first(node.body)
    first = starts | rest.first if node.low == 0 or _may_be_empty(node.body) else starts
    if not is_char and (_may_be_empty(node.body) or _is_open(node.body, starts)):
        return _Rest(math.inf, first)
    return _Rest(_repetition_cost(node, rest, length), first)


def _cannot_fail(node: Repeat, rest: _Rest) -> bool:
    """True if a repetition that may be empty takes all of the text, or if nothing follows it."""
    takes_all = isinstance(node.body, Char) and node.body.any and node.high is None and rest == _Rest(1, _END)
    return node.low == 0 and (takes_all or rest == _Rest(0, 0))


def _repetition_cost(node: Repeat, rest: _Rest, length: int) -> float:
    most = length if node.high is None else min(node.high, length)
    is_open = _first(node.body) & rest.first or _is_open(node.body, rest.first)
    ways = most - node.low + 1 if is_open and most > node.low else 1
    return min(length, most * _size(node.body)) + ways * rest.cost


def _unrolled(node: Repeat, high: int, rest: _Rest, length: int) -> _Rest:
    found = rest
    for number in range(high, 0, -1):
        more = _walk(node.body, found, length)
        found = _either([more, rest]) if number > node.low else more
    return found


def _size(node: Node) -> int:
    """Return how many steps one repetition takes if nothing is tried twice."""
    if isinstance(node, Sequence):
        return sum(_size(item) for item in node.items) or 1
    if isinstance(node, Choice):
        return sum(_size(branch) for branch in node.branches)
    return LONGEST_MATCHED if isinstance(node, Repeat) else 1


def _first(node: Node, following: int = 0) -> int:
    """Return the mask of what the node can start with, and of what follows if it may be empty."""
    if isinstance(node, Char):
        return node.mask
    if isinstance(node, Anchor):
        return ALL | _END
    if isinstance(node, Sequence):
        for item in reversed(node.items):
            following = _first(item, following)
        return following
    if isinstance(node, Choice):
        found = 0
        for branch in node.branches:
            found |= _first(branch, following)
        return found
    return _first(node.body, following) | (following if node.low == 0 else 0)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Sequence):
        return all(_may_be_empty(item) for item in node.items)
    if isinstance(node, Choice):
        return any(_may_be_empty(branch) for branch in node.branches)
    return node.low == 0 or _may_be_empty(node.body) if isinstance(node, Repeat) else isinstance(node, Anchor)


def _is_open(node: Node, following: int) -> bool:
    """True if somewhere in the node, when these characters follow it, the next character does not decide a choice."""
    if isinstance(node, Sequence):
        for item in reversed(node.items):
            if _is_open(item, following):
                return True
            following = _first(item, following)
        return False
    if isinstance(node, Choice):
        firsts = [_first(branch, following) for branch in node.branches]
        return not _are_apart(firsts) or any(_is_open(branch, following) for branch in node.branches)
    return _is_open_repeat(node, following) if isinstance(node, Repeat) else False


def _is_open_repeat(node: Repeat, following: int) -> bool:
    starts = _first(node.body)
    if node.high != node.low and starts & following:
        return True
    if isinstance(node.body, Char):
        return False
    again = node.high != 1 and (_may_be_empty(node.body) or _is_open(node.body, starts))
    return again or _is_open(node.body, following)
