"""The current rows and the history of changes against what their generator says each key has come to. Starts no Spark."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.audit.finding import SHOWN, Finding
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

Key = tuple[str | None, ...]


def truth_of(manifest: Path) -> Path:
    """Where the generator puts a manifest's truth."""
    return manifest.with_name(f"{manifest.stem}.truth.jsonl")


def against_truth(lake: Lake, subject: Subject, truth: Path) -> Finding:
    """The keys whose row, tombstone or versions are not as the truth says."""
    told = {tuple(line["key"]): _told(line, subject) for line in _lines(truth) if line["subject"] == subject.name}
    rows, versions = _rows(lake, subject), _versions(lake, subject)
    wrong = []
    for key in sorted(told.keys() | rows.keys(), key=str):
        wrong += [
            f"{'|'.join(map(str, key))}: {text}"
            for text in _differences(told.get(key), rows.get(key), versions.get(key, []))
        ]
    return Finding("keys whose row or history is not as the generator's truth says", len(wrong), tuple(wrong[:SHOWN]))


def _lines(truth: Path) -> Iterator[dict[str, Any]]:
    with truth.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _told(line: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """A line of the truth with its times spelled as here."""
    times = {field.name for field in subject.latest.fields if field.type.name == "timestamp"} | {
        "valid_from",
        "valid_to",
    }

    def spelled(values: dict[str, Any]) -> dict[str, Any]:
        return {name: _text(datetime.fromisoformat(v)) if v and name in times else v for name, v in values.items()}

    state = None if line["state"] is None else spelled(line["state"])
    return {**line, "state": state, "versions": [spelled(version) for version in line.get("versions", [])]}


def _differences(
    told: dict[str, Any] | None, row: dict[str, Any] | None, versions: list[dict[str, Any]]
) -> Iterator[str]:
    """In words, the first thing that differs of one key."""
    if told is None or row is None:
        yield "not in the truth" if told is None else "not in the lake"
        return
    found = {name: row[name] for name in ("deleted", "sequence", "change_id", "state")}
    said = {name: told[name] for name in found}
    if found != said:
        yield f"expected {said}, found {found}"
    elif told["versions"] != (only := _only(versions, told["versions"])):
        yield f"expected versions {told['versions']}, found {only}"


def _only(versions: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The versions with those columns alone that the truth tells."""
    names = list(told[0]) if told else []
    return [{name: version[name] for name in names} for version in versions]


def _rows(lake: Lake, subject: Subject) -> dict[Key, dict[str, Any]]:
    contract = subject.latest
    names = [*contract.field_names, "_deleted", "_sequence", "_change_id"]
    found = {}
    for row in all_rows(lake.current(subject), names).to_pylist():
        state = None if row["_deleted"] else {name: _text(row[name]) for name in contract.field_names}
        told = {"deleted": row["_deleted"], "sequence": row["_sequence"], "change_id": row["_change_id"]}
        found[_key(row, subject)] = {**told, "state": state}
    return found


def _versions(lake: Lake, subject: Subject) -> dict[Key, list[dict[str, Any]]]:
    history, contract = lake.history(subject), subject.latest
    found: dict[Key, list[dict[str, Any]]] = {}
    if history is None:
        return found
    rows = all_rows(history, [*contract.field_names, "valid_from", "valid_to"])
    for row in rows.sort_by("valid_from").to_pylist():
        until = None if row["valid_to"] == OPEN else _text(row["valid_to"])
        values = {name: _text(row[name]) for name in contract.field_names}
        found.setdefault(_key(row, subject), []).append(
            {**values, "valid_from": _text(row["valid_from"]), "valid_to": until}
        )
    return found


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
