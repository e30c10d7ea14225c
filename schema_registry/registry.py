"""Load the registry: read every contract, check it by itself, then against the lock and earlier versions.

contracts/
  <subject>/
    v1.yaml, v2.yaml, …     each a complete contract
    fingerprints.lock       the versions that can no longer change
    examples/               rows and what they must get (see `examples`); no part of what is loaded here
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from schema_registry import checks, examples, expressions, lock, parsing, yaml_file
from schema_registry.compatibility import violations
from schema_registry.errors import UnknownSubjectError, UnknownVersionError, Where
from schema_registry.subject import Registry, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_registry.contract import Contract

CONTRACTS = Path(__file__).parent / "contracts"
"""The folder of the contracts that come with the product."""

_VERSION_FILE = re.compile(r"v([1-9][0-9]*)\.yaml")
_OTHER_FILES = (lock.FILE_NAME, "README.md")


def load(root: Path = CONTRACTS) -> Registry:
    """Load every subject below `root`; ContractError names the first problem."""
    if not root.is_dir():
        raise Where(root).error("there is no such folder: expected one with a folder per subject")
    subjects = {folder.name: load_subject(folder) for folder in yaml_file.visible(root) if _is_subject(folder)}
    if not subjects:
        raise Where(root).error("the folder is empty: expected a folder per subject, with its v1.yaml")
    _check_tables(subjects, root)
    return Registry(root, subjects)


def load_subject(folder: Path) -> Subject:
    """Load the subject in one folder and check all its versions; ContractError names the first problem."""
    name = folder.name
    checks.check_name(name, Where(folder, name))
    locked = lock.read(folder, name)
    files = _version_files(folder)
    _check_files(files, locked, folder)
    superseded = [version for version in locked if version < max(files)]
    contracts = tuple(_load_contract(files[v], name, v, judges=v not in superseded) for v in sorted(files))
    lock.check(locked, contracts, folder)
    for newer in contracts[1:]:
        _check_succession(contracts[: newer.version - 1], newer, Where(files[newer.version], name, newer.version))
    return Subject(name, contracts, tuple(locked))


def _check_tables(subjects: Mapping[str, Subject], root: Path) -> None:
    """Refuse two subjects with one table: a subject of changes also has the tables <subject>_changes and dim_<entity>."""
    owners: dict[str, str] = {}
    for name, subject in subjects.items():
        if subject.kind == "changes" and f"{name}_changes" in subjects:
            where = Where(root / f"{name}_changes", f"{name}_changes")
            raise where.error(f"the name is taken by the change log of '{name}': choose another")
        entity = subject.latest.entity
        if entity and owners.setdefault(entity, name) != name:
            raise Where(root / name, name).error(f"the entity '{entity}' is that of '{owners[entity]}': choose another")


def _is_subject(path: Path) -> bool:
    if path.is_dir():
        return True
    if path.name in _OTHER_FILES:
        return False
    raise Where(path).error("expected a folder per subject here: move the file to <subject>/vN.yaml")


def _version_files(folder: Path) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for path in yaml_file.visible(folder):
        match = _VERSION_FILE.fullmatch(path.name)
        if match is not None:
            files[int(match[1])] = path
        elif path.name not in (*_OTHER_FILES, examples.FOLDER):
            raise Where(path, folder.name).error("expected only v1.yaml, v2.yaml, … in a subject's folder: rename it")
    return files


def _check_files(files: dict[int, Path], locked: dict[int, str], folder: Path) -> None:
    for version in locked:
        if version not in files:
            where = Where(folder / f"v{version}.yaml", folder.name, version)
            raise where.error(f"v{version}.yaml is frozen and gone: restore it")
    if not files:
        raise Where(folder, folder.name).error("the folder is empty: expected v1.yaml")
    for version in range(1, max(files) + 1):
        if version not in files:
            where = Where(folder / f"v{version}.yaml", folder.name, version)
            raise where.error(f"v{version} is missing before v{max(files)}: versions must count up from 1")


def _load_contract(file: Path, subject: str, version: int, *, judges: bool) -> Contract:
    where = Where(file, subject, version)
    contract = parsing.parse(yaml_file.read(where), where)
    if contract.subject != subject:
        raise where.error(f"subject must be the folder's name '{subject}', got '{contract.subject}'")
    if contract.version != version:
        raise where.error(f"version must be the file's number {version}, got {contract.version}")
    if version == 1 and contract.migrate:
        raise where.error("migrate must be left out in version 1: there is nothing before it")
    checks.check(contract, where, judges=judges)
    return contract


def _check_succession(earlier: Sequence[Contract], newer: Contract, where: Where) -> None:
    """Check the newer version against those before it: kind, entity, migrations, compatibility."""
    before = earlier[-1]
    if newer.kind != before.kind:
        raise where.error(f"kind must stay {before.kind} as in v{before.version}: start a new subject instead")
    if before.entity and newer.entity != before.entity:
        raise where.error(f"entity must stay '{before.entity}' as in v{before.version}: its history has that name")
    for name, sql in newer.migrate.items():
        place = where.at(name, "migrate")
        if name not in newer.field_names:
            raise place.error(f"migrate must name fields of v{newer.version}, and this is none")
        expressions.validate(sql, before.columns, place)
    _check_compatibility(earlier, newer, where)


def _check_compatibility(earlier: Sequence[Contract], newer: Contract, where: Where) -> None:
    level = newer.compatibility
    compared = earlier if level.endswith("_transitive") else earlier[-1:]
    for older in reversed(compared):
        reasons = violations(older, newer, level, between=earlier[older.version :])
        if reasons:
            raise where.error(f"breaks {level} compatibility with v{older.version}: {'; '.join(reasons)}")


__all__ = ["CONTRACTS", "Registry", "Subject", "UnknownSubjectError", "UnknownVersionError", "load", "load_subject"]
