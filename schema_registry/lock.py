"""The fingerprint lock: a frozen version never changes again.

`contracts/<subject>/fingerprints.lock` holds one line per frozen version, `v1 <sha256>`. A version without a
line is a draft. A fingerprint covers what decides how a row is judged, not how the file is written: comments,
docs, white space, key order and the spelling of a number (1 or 1.00) make no difference. Values left at their
default are not part of it either, so a later addition to the vocabulary leaves old fingerprints as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from schema_registry.contract import Contract, FieldType
from schema_registry.errors import Where

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.subject import Subject

FILE_NAME = "fingerprints.lock"

_LINE = re.compile(r"v([1-9][0-9]*) ([0-9a-f]{64})")
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)""", re.DOTALL)
_SQL = ("required_when", "check", "expr")
_EXACT = Context(prec=1000)
_SETS = ("enum", "tracked")


def fingerprint(contract: Contract) -> str:
    """Return the SHA-256, in hex, of what decides how rows are judged by the contract."""
    content = json.dumps(_canonical(contract), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()


def combined(contracts: Iterable[Contract]) -> str:
    """Return the SHA-256, in hex, of several versions together, in order."""
    lines = "".join(f"v{contract.version} {fingerprint(contract)}\n" for contract in contracts)
    return hashlib.sha256(lines.encode()).hexdigest()


def _canonical(thing: object) -> object:
    """Return the same content as JSON values, without docs and defaults."""
    if isinstance(thing, FieldType):
        return thing.sql
    if dataclasses.is_dataclass(thing):
        return {item.name: _attribute(item.name, getattr(thing, item.name)) for item in _set_attributes(thing)}
    if isinstance(thing, Decimal):
        return f"{thing.normalize(_EXACT):f}"
    if isinstance(thing, datetime):
        return thing.isoformat()
    if isinstance(thing, tuple):
        return [_canonical(each) for each in thing]
    return thing


def _set_attributes(thing: object) -> list[dataclasses.Field[object]]:
    """Return the attributes that count: neither docs nor those left at their default."""
    items = dataclasses.fields(thing)  # type: ignore[arg-type]
    return [item for item in items if item.name != "doc" and getattr(thing, item.name) not in (item.default, {}, ())]


def _attribute(name: str, value: object) -> object:
    if name in _SETS and isinstance(value, tuple):
        return sorted(value)
    if name in _SQL and isinstance(value, str):
        return _normalize_spaces(value)
    if isinstance(value, Mapping):
        return {key: _normalize_spaces(sql) for key, sql in value.items()}
    return _canonical(value)


def _normalize_spaces(sql: str) -> str:
    """Return the SQL with every run of white space outside quotes as one space."""
    parts = _QUOTED.split(sql)
    return "".join(part if index % 2 else re.sub(r"\s+", " ", part) for index, part in enumerate(parts)).strip()


def read(folder: Path, subject: str) -> dict[int, str]:
    """Return version → fingerprint of the frozen versions; empty if there is no lock. ContractError for a malformed line."""
    file = folder / FILE_NAME
    where = Where(file, subject)
    if not file.exists():
        return {}
    locked: dict[int, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line.strip())
        if match is None or int(match[1]) != len(locked) + 1:
            raise where.error(f"line {number} must be 'v{len(locked) + 1} <sha256>', got {line!r}: restore the file")
        locked[int(match[1])] = match[2]
    return locked


def check(locked: Mapping[int, str], contracts: Sequence[Contract], folder: Path) -> None:
    """Refuse (ContractError) a frozen version whose fingerprint is no longer the locked one."""
    for contract in contracts:
        version = contract.version
        if version in locked and locked[version] != fingerprint(contract):
            where = Where(folder / f"v{version}.yaml", contract.subject, version)
            change = f"put the change in v{len(contracts) + 1}.yaml"
            raise where.error(f"v{version}.yaml is frozen: restore it, or {change}")


def freeze(folder: Path, subject: Subject) -> tuple[int, ...]:
    """Freeze the drafts of a subject: append their lines to the lock; return the versions that are new in it.

    Idempotent. The lock is replaced in one step, so a crash leaves the old one or the new one.
    """
    locked = read(folder, subject.name)
    check(locked, subject.contracts, folder)
    new = {each.version: fingerprint(each) for each in subject.contracts if each.version not in locked}
    if new:
        _replace(folder / FILE_NAME, "".join(f"v{version} {sha}\n" for version, sha in {**locked, **new}.items()))
    return tuple(new)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
