"""The truth: what must stand in the lake once all delivered files are read, folded from the accepted changes alone.

Plain Python, sharing nothing with the lake. The order in which changes come makes no difference.
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


class Fact(NamedTuple):
    """An accepted change of one key. ``cells`` are canonical texts of the latest version's fields, '' for null.

    ``given`` are the places of the fields that a partial update names; None where all are given.
    """

    seq: int
    change_id: str
    op: str
    moment_ms: int
    cells: Cells
    given: tuple[int, ...] | None = None


class Truth:
    """The facts of one subject, and their fold.

    Keys that were not spoken of for ``settles_after`` days are folded into a file without a name, so that memory grows
    with what is under way and not with all that ever was; the caller vouches that no change of such a key comes later.
    """

    def __init__(self, subject: str, *, settles_after: int | None = None) -> None:
        self._subject, self._settles_after = subject, settles_after
        self._facts: OrderedDict[str, list[Fact]] = OrderedDict()
        self._spoken: dict[str, int] = {}
        self._truncates: list[Fact] = []
        self._settled: IO[str] | None = None

    def add(self, day: int, key: str, fact: Fact) -> None:
        """Take one accepted change down; a truncate concerns every key."""
        if fact.op == "t":
            insort(self._truncates, fact)
            return
        facts = self._facts.get(key)
        if facts is None:
            self._facts[key] = [fact]
        else:
            facts.append(fact)
        if self._settles_after is not None:
            self._facts.move_to_end(key)
            self._spoken[key] = day

    def settle(self, day: int) -> None:
        """Fold away the keys that were last spoken of too long before ``day``; those of other subjects never."""
        while self._settles_after is not None and self._facts:
            key = next(iter(self._facts))
            if self._spoken[key] >= day - self._settles_after:
                return
            self._fold_away(self._line(key, self._facts.pop(key)))
            del self._spoken[key]

    def _fold_away(self, line: str) -> None:
        if self._settled is None:
            self._settled = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 — until closed
        self._settled.write(line)

    def write(self, path: Path) -> None:
        """Write one JSON line for each key, under a temporary name first: done twice it is the same file."""
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("w", encoding="utf-8", newline="") as lines:
            if self._settled:
                self._settled.seek(0)
                shutil.copyfileobj(self._settled, lines)
            for key in sorted(self._facts, key=lambda key: (len(key), key)):
                lines.write(self._line(key, self._facts[key]))
        temporary.replace(path)

    def close(self) -> None:
        """Let the settled keys go."""
        if self._settled:
            self._settled.close()

    def _line(self, key: str, facts: list[Fact]) -> str:
        """The key's truth; a truncate that is older than all its changes has nothing to delete."""
        truncates = self._truncates[bisect(self._truncates, min(facts)) :]
        return json.dumps(folded(self._subject, key, [*facts, *truncates]), ensure_ascii=False) + "\n"


def folded(subject: str, key: str, facts: Sequence[Fact]) -> dict[str, Any]:
    """The truth of one key: its state after the greatest (seq, change id), and its versions where fields are tracked."""
    ordered = sorted(facts)
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


def _states(ordered: Sequence[Fact], width: int) -> list[Cells | None]:
    """The row after each change, in order of (seq, change id); None where there is none."""
    states: list[Cells | None] = []
    row: Cells | None = None
    for fact in ordered:
        if fact.op in ("d", "t"):
            row = None
        elif fact.given is None:
            row = fact.cells
        else:
            row = _patched(row or ("",) * width, fact)
        states.append(row)
    return states


def _patched(row: Cells, fact: Fact) -> Cells:
    """The row with the fields that a partial update gives; the key is always among them."""
    given = {0, *(fact.given or ())}
    return tuple(fact.cells[place] if place in given else text for place, text in enumerate(row))


def _named(subject: str, row: Cells) -> dict[str, str | None]:
    return {name: text or None for name, text in zip(fields_of(subject), row, strict=True)}


def _versions(
    subject: str, tracked: Sequence[str], ordered: Sequence[Fact], states: Sequence[Cells | None]
) -> list[dict[str, str | None]]:
    """The intervals in which the tracked fields were the same; those of no length are left out."""
    made: list[dict[str, str | None]] = []
    for begin_ms, end_ms, state in _stretches(ordered, states):
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


def _stretches(ordered: Sequence[Fact], states: Sequence[Cells | None]) -> list[tuple[int, int | None, Cells | None]]:
    """From when to when each state held: at t it is that of the greatest (seq, change id) among those dated up to t."""
    holds: dict[int, int] = {}  # moment -> place of the greatest so far; the last of a moment decides it
    greatest = -1
    for place in sorted(range(len(ordered)), key=lambda place: ordered[place].moment_ms):
        greatest = max(greatest, place)
        holds[ordered[place].moment_ms] = greatest
    moments = list(holds)
    return [(begin, end, states[holds[begin]]) for begin, end in zip(moments, [*moments[1:], None], strict=True)]
