"""The truth: the state and history of each key that the lake must have once all delivered files are read.

Computed from the accepted changes alone, in plain Python that shares nothing with the lake. The order in which changes
arrive makes no difference.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from bisect import bisect, insort
from collections import OrderedDict
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from generator.changes.contracts import fields_of, subject_of
from generator.clock import to_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Cells = tuple[str, ...]


class AcceptedChange(NamedTuple):
    """An accepted change of one key. ``cells`` are canonical texts of the latest version's fields, '' for null.

    ``given`` are the places of the fields that a partial update names; None where it names all.
    """

    seq: int
    change_id: str
    op: str
    moment_ms: int
    cells: Cells
    given: tuple[int, ...] | None = None


class Truth:
    """The accepted changes of one subject, and the truth of each key.

    The truths of keys that did not change for ``archive_after_days`` days go into an unnamed temporary file, so that
    memory grows with the keys that still change and not with all there ever were. The caller guarantees that no change
    of such a key comes later.
    """

    def __init__(self, subject: str, *, archive_after_days: int | None = None) -> None:
        self._subject, self._archive_after_days = subject, archive_after_days
        self._changes: OrderedDict[str, list[AcceptedChange]] = OrderedDict()
        self._last_day: dict[str, int] = {}
        self._truncates: list[AcceptedChange] = []
        self._archived: IO[str] | None = None

    def add(self, day: int, key: str, change: AcceptedChange) -> None:
        """Add one accepted change; a truncate concerns every key."""
        if change.op == "t":
            insort(self._truncates, change)
            return
        changes = self._changes.get(key)
        if changes is None:
            self._changes[key] = [change]
        else:
            changes.append(change)
        if self._archive_after_days is not None:
            self._changes.move_to_end(key)
            self._last_day[key] = day

    def archive(self, day: int) -> None:
        """Move the keys that last changed too long before ``day`` to the archive; without a limit none."""
        while self._archive_after_days is not None and self._changes:
            key = next(iter(self._changes))
            if self._last_day[key] >= day - self._archive_after_days:
                return
            self._archive_line(self._line(key, self._changes.pop(key)))
            del self._last_day[key]

    def _archive_line(self, line: str) -> None:
        if self._archived is None:
            self._archived = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 — until closed
        self._archived.write(line)

    def write(self, path: Path) -> None:
        """Write one JSON line for each key, under a temporary name first: done twice it is the same file."""
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("w", encoding="utf-8", newline="") as lines:
            if self._archived:
                self._archived.seek(0)
                shutil.copyfileobj(self._archived, lines)
            for key in sorted(self._changes, key=lambda key: (len(key), key)):
                lines.write(self._line(key, self._changes[key]))
        temporary.replace(path)

    def close(self) -> None:
        """Close the archive."""
        if self._archived:
            self._archived.close()

    def _line(self, key: str, changes: list[AcceptedChange]) -> str:
        """Return the key's truth as a JSON line; a truncate older than all its changes has nothing to delete."""
        truncates = self._truncates[bisect(self._truncates, min(changes)) :]
        return json.dumps(truth_of(self._subject, key, [*changes, *truncates]), ensure_ascii=False) + "\n"


def truth_of(subject: str, key: str, changes: Sequence[AcceptedChange]) -> dict[str, Any]:
    """Return the truth of one key: its state after the greatest (seq, change id), and its versions where fields are tracked."""
    ordered = sorted(changes)
    states = _states(ordered, len(fields_of(subject)))
    last, state = ordered[-1], states[-1]
    line = {
        "subject": subject,
        "key": [key],
        "deleted": state is None,
        "sequence": last.seq,
        "change_id": last.change_id,
        "state": None if state is None else _named(subject, state),
    }
    tracked = subject_of(subject).latest.tracked
    return line | {"versions": _versions(subject, tracked, ordered, states)} if tracked else line


def _states(ordered: Sequence[AcceptedChange], width: int) -> list[Cells | None]:
    """Return the row after each change, in order of (seq, change id); None where there is none."""
    states: list[Cells | None] = []
    row: Cells | None = None
    for change in ordered:
        if change.op in ("d", "t"):
            row = None
        elif change.given is None:
            row = change.cells
        else:
            row = _patched(row or ("",) * width, change)
        states.append(row)
    return states


def _patched(row: Cells, change: AcceptedChange) -> Cells:
    """Return the row with the fields that a partial update names; the key is always among them."""
    given = {0, *(change.given or ())}
    return tuple(change.cells[place] if place in given else text for place, text in enumerate(row))


def _named(subject: str, row: Cells) -> dict[str, str | None]:
    return {name: text or None for name, text in zip(fields_of(subject), row, strict=True)}


def _versions(
    subject: str, tracked: Sequence[str], ordered: Sequence[AcceptedChange], states: Sequence[Cells | None]
) -> list[dict[str, str | None]]:
    """Return the intervals in which the tracked fields were the same; those of no length are left out."""
    made: list[dict[str, str | None]] = []
    for begin_ms, end_ms, state in _intervals(ordered, states):
        if state is None:
            continue
        row = _named(subject, state)
        begin, end = to_text(begin_ms), None if end_ms is None else to_text(end_ms)
        values = {name: row[name] for name in tracked}
        if made and made[-1]["valid_to"] == begin and made[-1].items() >= values.items():
            made[-1]["valid_to"] = end
        else:
            made.append({"valid_from": begin, "valid_to": end, **values})
    return made


def _intervals(
    ordered: Sequence[AcceptedChange], states: Sequence[Cells | None]
) -> list[tuple[int, int | None, Cells | None]]:
    """Return when each state began and ended: at t the greatest (seq, change id) dated up to t decides."""
    deciding: dict[int, int] = {}  # moment -> place of the greatest so far; the last of a moment decides it
    greatest = -1
    for place in sorted(range(len(ordered)), key=lambda place: ordered[place].moment_ms):
        greatest = max(greatest, place)
        deciding[ordered[place].moment_ms] = greatest
    moments = list(deciding)
    return [(begin, end, states[deciding[begin]]) for begin, end in zip(moments, [*moments[1:], None], strict=True)]
