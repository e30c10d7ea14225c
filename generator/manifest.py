"""The manifest: for every row written, what it is and what must become of it, as JSON lines.

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

    from generator.faults import Fault
    from generator.files import BuiltFile
    from generator.plan import World

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
    """The end of a file's block: what is needed to check it and to go on behind it."""

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
        """Plain dictionaries, ready for JSON."""
        counts = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: dict(sorted(count.items())) if isinstance(count, Counter) else count for name, count in counts.items()
        }


def block(built: BuiltFile, source: str, world: World) -> str:
    """The lines of one file of events, closing line included."""
    plan = built.plan
    closing = Closing(
        file=source,
        number=plan.index,
        rows=plan.rows,
        kind=plan.kind.name if plan.kind else None,
        world=world.options.fingerprint(),
        first=world.first,
        origin_ms=world.origin_ms,
        until_ms=plan.until_ms,
    )
    versions = [built.version] * len(built.fates)
    return block_of("event_id", built.event_ids, versions, built.fates, closing)


def block_of(
    id_name: str,
    ids: Sequence[str | None],
    versions: Sequence[int | None],
    fates: Sequence[Fault | None],
    closing: Closing,
) -> str:
    """The lines of one file, closing line included: three lists with one entry for each record, in order.

    ``id_name`` is what the records' identifier is called. Ids of ordinary rows need no escaping.
    """
    head = f'{{"source": {json.dumps(closing.file)}, "position": '
    clean = {version: _clean_end(version) for version in dict.fromkeys(versions)}
    lines = [
        f'{head}{position}, "{id_name}": "{row_id}{clean[version]}'
        if fate is None
        else f'{head}{position}, "{id_name}": {json.dumps(row_id)}, "version": {json.dumps(version)}, {_fate(fate)}\n'
        for position, (row_id, version, fate) in enumerate(zip(ids, versions, fates, strict=True), start=1)
    ]
    return "".join(lines) + json.dumps(closing._asdict() | {"done": True}) + "\n"


def _clean_end(version: int | None) -> str:
    return f'", "version": {json.dumps(version)}, "fault": null, "outcome": "accepted", "reasons": []}}\n'


def _fate(fault: Fault) -> str:
    reasons = [list(reason) for reason in fault.reasons]
    return json.dumps({"fault": fault.name, "outcome": str(fault.outcome), "reasons": reasons})[1:]


def read_closing(line: str) -> Closing | None:
    """The closing line as data, or None for any other line."""
    if not (line.startswith(CLOSING) and line.endswith("\n")):
        return None
    found = json.loads(line)
    return Closing(**{name: found[name] for name in Closing._fields})


def read_blocks(path: Path, landing_root: Path | None = None) -> Iterator[tuple[Closing, list[str]]]:
    """The closed blocks, as their closing line and the texts of their rows.

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
    """Every row of every closed block (see ``read_blocks``), in the order written."""
    for _, lines in read_blocks(path, landing_root):
        for line in lines:
            found = json.loads(line)
            reasons = tuple((code, name) for code, name in found.pop("reasons"))
            row_id = found.pop("change_id") if "change_id" in found else found.pop("event_id")
            yield ManifestRow(**found, event_id=row_id, reasons=reasons)


def summary(path: Path, landing_root: Path | None = None) -> Summary:
    """The manifest counted up."""
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


def outcomes_of(fates: Sequence[Fault | None]) -> dict[str, int]:
    """How many rows of a file have each outcome; all three are always named."""
    marked = Counter(str(fate.outcome) for fate in fates if fate is not None)
    marked[Outcome.ACCEPTED] += sum(fate is None for fate in fates)
    return {str(outcome): marked[outcome] for outcome in Outcome}
