"""Sets of changes to try: few keys, few values and few sequences, so that whatever can meet, does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from support.changes_oracle import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from support.changes_oracle import Key, Op

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

#: So few values that updates which change nothing, or only what is untracked, are common.
FIELDS: Mapping[str, SearchStrategy[Any]] = {
    "name": st.sampled_from(["Ada", "Bob"]),
    "city": st.sampled_from([None, "Oslo", "Rome"]),
    "phone": st.sampled_from([None, "1", "2"]),
}
TRACKED = ("name", "city")

#: One in five of a key's changes deletes.
OPS: SearchStrategy[Op] = st.sampled_from(["u"] * 9 + ["c"] * 5 + ["r"] * 2 + ["d"] * 4)
SEQUENCES = st.integers(1, 8)

#: Minutes by which a change's time is out of step with its sequence: half the time it is not.
DRIFTS = st.sampled_from([0, 0, 0, 0, -5, -1, 1, 4])

#: How change_ids begin: figures of unlike length, both cases, beyond ASCII, and two that UTF-16 orders the other way.
BEGINNINGS = ("10", "9", "B", "a", "é", "\uff5e", "\U0001f600")


@dataclass(frozen=True)
class Mix:
    """What a set of changes is made of. ``fields``: the values of each; ``make_key``: the key from its number.

    With ``identical_repeats`` a repeat is the same change once more, so that arrival cannot matter; without, a
    change_id may come again with other content, and the first to arrive counts.
    """

    fields: Mapping[str, SearchStrategy[Any]] = field(default_factory=lambda: FIELDS)
    make_key: Callable[[int], Key] = int
    truncates: bool = True
    one_in_truncates: int = 20
    partial_updates: bool = True
    identical_repeats: bool = True


EVERYTHING = Mix()


def at(minutes: float) -> datetime:
    """That many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


@st.composite
def change_sets(draw: DrawFn, mix: Mix = EVERYTHING, *, min_size: int = 0, max_size: int = 16) -> list[Change]:
    """Changes of at most two to five keys, in an order of arrival.

    About one in five deletes, one in seven repeats an earlier one, one in twenty truncates, a third of the updates
    are partial; sequences and times tie, and disagree.
    """
    number_of_keys = draw(st.integers(2, 5))
    changes: list[Change] = []
    for _ in range(draw(st.integers(min_size, max_size))):
        change = draw(_changes(mix, number_of_keys))
        repeats = bool(changes) and draw(_one_in(7))
        changes.append(_repeated(draw(st.sampled_from(changes)), change, mix) if repeats else change)
    return changes


@st.composite
def batchings(draw: DrawFn, changes: Sequence[Change], *, shuffle: bool = True) -> list[list[Change]]:
    """The same changes as batches, none of them empty; in any order of arrival unless ``shuffle`` is off."""
    arriving = draw(st.permutations(changes)) if shuffle else list(changes)
    batches: list[list[Change]] = []
    for change in arriving:
        if not batches or draw(_one_in(3)):
            batches.append([])
        batches[-1].append(change)
    return batches


def identified(change: Change) -> Change:
    """The change with the change_id that its content has: equal changes are the same one, all others are not."""
    content = (
        change.op,
        change.key,
        change.seq,
        change.event_ts,
        sorted(change.fields.items(), key=lambda each: each[0]),
    )
    digest = blake2b(repr((*content, sorted(change.given or ()))).encode(), digest_size=6)
    beginning = BEGINNINGS[digest.digest()[0] % len(BEGINNINGS)]
    return replace(change, change_id=f"{beginning}-{digest.hexdigest()}")


@st.composite
def _changes(draw: DrawFn, mix: Mix, number_of_keys: int) -> Change:
    seq = draw(SEQUENCES)
    event_ts = at(seq + draw(DRIFTS))
    if mix.truncates and draw(_one_in(mix.one_in_truncates)):
        return identified(Change("t", None, seq, "", event_ts))
    op: Op = draw(OPS)
    key = mix.make_key(draw(st.integers(1, number_of_keys)))
    given = draw(_given(mix)) if op == "u" else None
    fields = draw(_values(mix, op, given))
    return identified(Change(op, key, seq, "", event_ts, fields, given))


@st.composite
def _given(draw: DrawFn, mix: Mix) -> frozenset[str] | None:
    if not (mix.partial_updates and draw(_one_in(3))):
        return None
    return frozenset(draw(st.sets(st.sampled_from(sorted(mix.fields)), min_size=1)))


@st.composite
def _values(draw: DrawFn, mix: Mix, op: Op, given: frozenset[str] | None) -> dict[str, Any]:
    """A delete has the row before it, or not; nobody may look."""
    if op == "d" and draw(st.booleans()):
        return {}
    return {name: draw(values) for name, values in mix.fields.items() if given is None or name in given}


def _repeated(earlier: Change, other: Change, mix: Mix) -> Change:
    return earlier if mix.identical_repeats else replace(other, change_id=earlier.change_id)


def _one_in(number: int) -> SearchStrategy[bool]:
    return st.sampled_from([False] * (number - 1) + [True])
