"""The fingerprint lock: a frozen version never changes again.

`contracts/<subject>/fingerprints.lock` holds one line per frozen version, `v1 <sha256>`. A version without a
line is a draft.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from schema_registry.errors import Where
from schema_registry.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from schema_registry.contract import Contract
    from schema_registry.subject import Subject

FILE_NAME = "fingerprints.lock"

_LINE = re.compile(r"v([1-9][0-9]*) ([0-9a-f]{64})")


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
