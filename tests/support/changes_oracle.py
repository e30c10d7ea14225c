"""What the changes of an entity must come to, said as plainly as Python can: the answer the product is held against.

Nothing here is kept from one batch to the next but the accepted changes; every table is worked out from all of them
again, at a cost no product could pay and no reader has to think about. It imports nothing of the product.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

Op = Literal["c", "r", "u", "d", "t"]
Key = int | str | tuple[Any, ...]
Content = dict[str, Any]

#: What becomes of an accepted change: exactly one of these.
VERDICTS = ("inserted", "updated", "deleted", "superseded", "unchanged")


@dataclass(frozen=True)
class Change:
    """A change as it arrives: create, read (a snapshot's row), update, delete, or truncate, which has no key.

    ``given`` is None for a whole row; for a partial update it names the fields the update has. A delete's fields
    (the row before it, where known) count for nothing.
    """

    op: Op
    key: Key | None
    seq: int
    change_id: str
    event_ts: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    given: frozenset[str] | None = None

    def __post_init__(self) -> None:
        assert (self.key is None) == (self.op == "t"), "a truncate has no key, every other change has one"
        assert self.given is None or self.op == "u", "only an update may be partial"

    @property
    def order(self) -> tuple[int, bytes]:
        """Changes are ordered by sequence, ties by change_id as text, compared by its bytes in UTF-8."""
        return self.seq, self.change_id.encode()


@dataclass(frozen=True)
class Row:
    """A row of the current table, live or a tombstone, with the sequence and change_id of the change that decided it."""

    deleted: bool
    sequence: int
    change_id: str
    fields: Content


@dataclass(frozen=True)
class Version:
    """A version of a key: what held from ``valid_from`` until just before ``valid_to``, which is None while it holds."""

    version: int
    valid_from: datetime
    valid_to: datetime | None
    fields: Content

    @property
    def is_current(self) -> bool:
        """The open version is the current one."""
        return self.valid_to is None


class Oracle:
    """The tables that all changes so far come to; ``fields`` are those besides the key, ``tracked`` some of them."""

    def __init__(self, *, fields: Sequence[str], tracked: Sequence[str]) -> None:
        assert set(tracked) <= set(fields), "tracked fields are fields"
        self.fields = tuple(fields)
        self.tracked = tuple(tracked)
        self.accepted: list[Change] = []

    def apply(self, batch: Sequence[Change]) -> dict[str, int]:
        """Take a batch in, in order of arrival, and return its books: each of VERDICTS, and duplicate."""
        earlier = self.accepted
        arrivals = first_arrivals(batch, known={change.change_id for change in earlier})
        self.accepted = earlier + arrivals
        verdicts = Counter(self.verdict(change, earlier) for change in arrivals)
        return {name: verdicts[name] for name in VERDICTS} | {"duplicate": len(batch) - len(arrivals)}

    def keys(self) -> list[Key]:
        """A key is there once it has a change of its own; truncates alone make none."""
        return list(dict.fromkeys(change.key for change in self.accepted if change.key is not None))

    def current(self) -> dict[Key, Row]:
        """The greatest change of a key, truncates included, decides its row; a deleted key stays as a tombstone."""
        return {key: self._row(*self.history(key)[-1]) for key in self.keys()}

    def versions(self) -> dict[Key, list[Version]]:
        """The versions of each key that ever had one, numbered from 1 in order of time."""
        found = {key: self._versions(key) for key in self.keys()}
        return {key: versions for key, versions in found.items() if versions}

    def history(self, key: Key) -> list[tuple[Change, Content | None]]:
        """Each change that concerns the key, in order, with the row after it: None where there is no live row."""
        found: list[tuple[Change, Content | None]] = []
        for change in concerning(key, self.accepted):
            before = found[-1][1] if found else None
            found.append((change, self._after(change, before)))
        return found

    def as_of(self, key: Key, when: datetime) -> Content | None:
        """The state at a time is the row after the greatest change among those whose event_ts is not later."""
        known = [row for change, row in self.history(key) if change.event_ts <= when]
        return known[-1] if known else None

    def verdict(self, change: Change, earlier: Sequence[Change]) -> str:
        """What became of a change of the batch that came after ``earlier``; what is not superseded is told in order.

        The row before a change is the one after its predecessor in order, among all that was accepted, this batch
        included. So a late change below a partial update is superseded and yet is seen in the row before the next.
        """
        if change.key is None:
            return self._verdict_on_truncate(change, earlier)
        if is_superseded(change, change.key, earlier):
            return "superseded"
        before, after = self._around(change, change.key)
        if before is None:
            return "unchanged" if after is None else "inserted"
        if after is None:
            return "deleted"
        return "unchanged" if before == after else "updated"

    def _verdict_on_truncate(self, truncate: Change, earlier: Sequence[Change]) -> str:
        """Deleted if it removed a live row, superseded below an earlier batch's truncate, and otherwise unchanged."""
        if any(other.op == "t" and other.order > truncate.order for other in earlier):
            return "superseded"
        concerned = [key for key in self.keys() if not is_superseded(truncate, key, earlier)]
        removed = [key for key in concerned if self._around(truncate, key)[0] is not None]
        return "deleted" if removed else "unchanged"

    def _around(self, change: Change, key: Key) -> tuple[Content | None, Content | None]:
        """The key's row before and after a change."""
        history = self.history(key)
        place = [other.change_id for other, _ in history].index(change.change_id)
        return (history[place - 1][1] if place else None), history[place][1]

    def _after(self, change: Change, before: Content | None) -> Content | None:
        """A delete or truncate leaves no row, a whole row itself, a partial update what was there but for its fields.

        Where there was nothing, or a deleted row, the fields a partial update does not give are null.
        """
        if change.op in ("d", "t"):
            return None
        if change.given is None:
            return {name: change.fields[name] for name in self.fields}
        kept = before or dict.fromkeys(self.fields)
        return kept | {name: change.fields[name] for name in change.given}

    def _row(self, change: Change, content: Content | None) -> Row:
        """A tombstone has its sequence and change_id, and null in every field."""
        deleted = content is None
        return Row(deleted, change.seq, change.change_id, dict.fromkeys(self.fields) if content is None else content)

    def _versions(self, key: Key) -> list[Version]:
        """Neighbours that are equal in all tracked fields are one version; what is untracked is that of the last."""
        runs: list[tuple[datetime, datetime | None, Content]] = []
        for start, end, row in self._live_intervals(key):
            if runs and runs[-1][1] == start and self._same_tracked(runs[-1][2], row):
                runs[-1] = (runs[-1][0], end, row)
            else:
                runs.append((start, end, row))
        return [Version(number, *run) for number, run in enumerate(runs, start=1)]

    def _live_intervals(self, key: Key) -> list[tuple[datetime, datetime | None, Content]]:
        """State changes at times of events only, so none is empty; where the row is deleted there is no interval."""
        starts = sorted({change.event_ts for change, _ in self.history(key)})
        ends = [*starts[1:], None]
        states = [(start, end, self.as_of(key, start)) for start, end in zip(starts, ends, strict=True)]
        return [(start, end, row) for start, end, row in states if row is not None]

    def _same_tracked(self, one: Content, other: Content) -> bool:
        return all(one[name] == other[name] for name in self.tracked)


def first_arrivals(batch: Iterable[Change], known: set[str]) -> list[Change]:
    """The same change_id again is a duplicate, whatever its content: the first to arrive counts."""
    seen = set(known)
    fresh: list[Change] = []
    for change in batch:
        if change.change_id not in seen:
            fresh.append(change)
        seen.add(change.change_id)
    return fresh


def concerning(key: Key, changes: Iterable[Change]) -> list[Change]:
    """A key's changes in order: its own, and every truncate, which deletes each key whenever the key arrives."""
    return sorted((change for change in changes if change.op == "t" or change.key == key), key=lambda each: each.order)


def is_superseded(change: Change, key: Key, earlier: Iterable[Change]) -> bool:
    """A change is superseded if an earlier batch held a greater one of the key, truncates included."""
    return any(other.order > change.order for other in concerning(key, earlier))
