"""The manifest: JSON lines that say of every row written its fault and what the lake must make of it.

A file's rows are followed by one closing line, and the block is on disk before the file gets its final name. Whoever
reads the manifest ignores blocks without a closing line and may ask for those only whose file has been delivered.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from generator.faults import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from generator.built_file import BuiltFile
    from generator.faults import Fault

CLOSING = '{"file": '


class ManifestRow(NamedTuple):
    """One data record. ``position`` counts the records of its file from 1; header and blank lines are none.

    ``event_id`` (of a change: its change id) is None where the record carries none, ``version`` where its file is of
    no version.
    """

    source: str
    position: int
    event_id: str | None
    version: int | None
    fault: str | None
    outcome: str
    reasons: tuple[Reason, ...]


class Closing(NamedTuple):
    """The end of a file's block: the values to check the block with, and to go on behind it."""

    file: str
    number: int
    rows: int
    kind: str | None
    world: str
    first: int
    origin_ms: int
    until_ms: int


@dataclass(slots=True)
class Summary:
    """A manifest counted: rows by outcome, fault, version and reason (``code`` or ``code field``), files by kind."""

    files: int = 0
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    file_kinds: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, ready for JSON."""
        counts = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: dict(sorted(count.items())) if isinstance(count, Counter) else count for name, count in counts.items()
        }


def block(id_name: str, built: BuiltFile, closing: Closing) -> str:
    """Return the lines of one file, closing line included.

    ``id_name`` is the JSON key of the records' ids. Ids of ordinary rows need no escaping.
    """
    head = f'{{"source": {json.dumps(closing.file)}, "position": '
    ordinary = {version: _ordinary_end(version) for version in dict.fromkeys(built.versions)}
    records = zip(built.ids, built.versions, built.faults, strict=True)
    lines = [
        f'{head}{position}, "{id_name}": "{row_id}{ordinary[version]}'
        if fault is None
        else f'{head}{position}, "{id_name}": {json.dumps(row_id)}, "version": {json.dumps(version)}, {_fault_json(fault)}\n'
        for position, (row_id, version, fault) in enumerate(records, start=1)
    ]
    return "".join(lines) + json.dumps(closing._asdict() | {"done": True}) + "\n"


def _ordinary_end(version: int | None) -> str:
    return f'", "version": {json.dumps(version)}, "fault": null, "outcome": "accepted", "reasons": []}}\n'


def _fault_json(fault: Fault) -> str:
    reasons = [list(reason) for reason in fault.reasons]
    return json.dumps({"fault": fault.name, "outcome": str(fault.outcome), "reasons": reasons})[1:]


def read_closing(line: str) -> Closing | None:
    """Return the closing line as data, or None for any other line."""
    if not (line.startswith(CLOSING) and line.endswith("\n")):
        return None
    found = json.loads(line)
    return Closing(**{name: found[name] for name in Closing._fields})


def read_blocks(path: Path, landing_root: Path | None = None) -> Iterator[tuple[Closing, list[str]]]:
    """Yield the closed blocks, as their closing line and the texts of their rows.

    With a landing root only those whose file is there: a generator that was killed may have announced one more.
    """
    lines: list[str] = []
    with path.open(encoding="utf-8") as manifest:
        for line in manifest:
            closing = read_closing(line)
            if closing is None:
                lines.append(line)
                continue
            if landing_root is None or (landing_root / closing.file).exists():
                yield closing, lines[-closing.rows :] if closing.rows else []
            lines = []


def read_manifest(path: Path, landing_root: Path | None = None) -> Iterator[ManifestRow]:
    """Yield every row of every closed block (see ``read_blocks``), in the order written."""
    for _, lines in read_blocks(path, landing_root):
        for line in lines:
            found = json.loads(line)
            reasons = tuple((code, name) for code, name in found.pop("reasons"))
            row_id = found.pop("change_id") if "change_id" in found else found.pop("event_id")
            yield ManifestRow(**found, event_id=row_id, reasons=reasons)


def summary(path: Path, landing_root: Path | None = None) -> Summary:
    """Count the manifest's rows and files."""
    made = Summary()
    for closing, lines in read_blocks(path, landing_root):
        made.files += 1
        made.file_kinds[closing.kind or "plain"] += 1
        made.rows += len(lines)
        for line in lines:
            _count(made, json.loads(line))
    return made


def _count(made: Summary, row: dict[str, Any]) -> None:
    made.outcomes[row["outcome"]] += 1
    made.versions[str(row["version"])] += 1
    if row["fault"]:
        made.faults[row["fault"]] += 1
    for code, name in row["reasons"]:
        made.reasons[f"{code} {name}" if name else code] += 1


def count_outcomes(faults: Sequence[Fault | None]) -> dict[str, int]:
    """Count the rows of a file by outcome; all three outcomes are always in it."""
    marked = Counter(str(fault.outcome) for fault in faults if fault is not None)
    marked[Outcome.ACCEPTED] += sum(fault is None for fault in faults)
    return {str(outcome): marked[outcome] for outcome in Outcome}
