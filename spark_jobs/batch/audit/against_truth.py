"""The current rows and the history of changes compared with what their generator says of each key. Starts no Spark."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.audit.result import SHOWN, Finding
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

Key = tuple[str | None, ...]
#: What is compared of one key or one version, values as texts in the form of the truth.
Texts = dict[str, Any]


def truth_path(manifest: Path) -> Path:
    """Return where the generator puts a manifest's truth."""
    return manifest.with_name(f"{manifest.stem}.truth.jsonl")


def compare_with_truth(lake: Lake, subject: Subject, truth: Path) -> Finding:
    """Return the keys whose row, tombstone or versions are not as the truth says."""
    expected = {
        tuple(line["key"]): _expected(line, subject) for line in _lines(truth) if line["subject"] == subject.name
    }
    rows, versions = _rows(lake, subject), _versions(lake, subject)
    wrong = []
    for key in sorted(expected.keys() | rows.keys(), key=str):
        difference = _difference(expected.get(key), rows.get(key), versions.get(key, []))
        if difference is not None:
            wrong.append(f"{'|'.join(map(str, key))}: {difference}")
    return Finding("keys whose row or history is not as the generator's truth says", len(wrong), tuple(wrong[:SHOWN]))


def _lines(truth: Path) -> Iterator[Texts]:
    with truth.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _expected(line: Texts, subject: Subject) -> Texts:
    """A line of the truth with its times spelled as here."""
    times = {field.name for field in subject.latest.fields if field.type.name == "timestamp"}
    times |= {"valid_from", "valid_to"}

    def spelled(values: Texts) -> Texts:
        return {name: _text(datetime.fromisoformat(v)) if v and name in times else v for name, v in values.items()}

    state = None if line["state"] is None else spelled(line["state"])
    return {**line, "state": state, "versions": [spelled(version) for version in line.get("versions", [])]}


def _difference(expected: Texts | None, row: Texts | None, versions: list[Texts]) -> str | None:
    """The first thing that differs of one key, in words; None where nothing does."""
    if expected is None or row is None:
        return "not in the truth" if expected is None else "not in the lake"
    wanted = {name: expected[name] for name in row}
    if row != wanted:
        return f"expected {wanted}, found {row}"
    names = list(expected["versions"][0]) if expected["versions"] else []
    actual = [{name: version[name] for name in names} for version in versions]
    return None if actual == expected["versions"] else f"expected versions {expected['versions']}, found {actual}"


def _rows(lake: Lake, subject: Subject) -> dict[Key, Texts]:
    """Each key's current row or tombstone: deleted, sequence, change_id, state (None where it is deleted)."""
    contract = subject.latest
    names = [*contract.field_names, "_deleted", "_sequence", "_change_id"]
    rows = {}
    for row in all_rows(lake.current(subject), names).to_pylist():
        state = None if row["_deleted"] else {name: _text(row[name]) for name in contract.field_names}
        change = {"deleted": row["_deleted"], "sequence": row["_sequence"], "change_id": row["_change_id"]}
        rows[_key(row, subject)] = {**change, "state": state}
    return rows


def _versions(lake: Lake, subject: Subject) -> dict[Key, list[Texts]]:
    """Each key's versions in order of time; valid_to of the current one is None. Empty where the subject has no history."""
    history, contract = lake.history(subject), subject.latest
    versions: dict[Key, list[Texts]] = {}
    if history is None:
        return versions
    rows = all_rows(history, [*contract.field_names, "valid_from", "valid_to"])
    for row in rows.sort_by("valid_from").to_pylist():
        until = None if row["valid_to"] == OPEN else _text(row["valid_to"])
        values = {name: _text(row[name]) for name in contract.field_names}
        version = {**values, "valid_from": _text(row["valid_from"]), "valid_to": until}
        versions.setdefault(_key(row, subject), []).append(version)
    return versions


def _key(row: dict[str, Any], subject: Subject) -> Key:
    return tuple(_text(row[name]) for name in subject.latest.key)


def _text(value: Any) -> str | None:
    """A value as the truth spells it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
