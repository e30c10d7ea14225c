"""A subject with all its versions, and the registry of all subjects."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from schema_registry import migration
from schema_registry.contract import CHANGE_COLUMNS, VERSION_COLUMN, Contract, Kind
from schema_registry.errors import UnknownSubjectError, UnknownVersionError
from schema_registry.fingerprint import combined_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Subject:
    """A named feed: its contracts v1 to vN in order, and which of them are frozen (in the lock)."""

    name: str
    contracts: tuple[Contract, ...]
    frozen: tuple[int, ...] = ()

    @property
    def latest(self) -> Contract:
        """The highest version: its types and rules judge every row, after migration."""
        return self.contracts[-1]

    @property
    def kind(self) -> Kind:
        """Events or changes; the same in every version."""
        return self.latest.kind

    @property
    def compatibility(self) -> str:
        """The level that the latest version declares."""
        return self.latest.compatibility

    @property
    def known_fields(self) -> tuple[str, ...]:
        """Every name that some version reads from a row, in order of appearance, then `schema_version`.

        For kind changes the change columns (change_id, op, event_ts, seq) come first. Any other name is an extra.
        """
        reserved = CHANGE_COLUMNS if self.kind == "changes" else ()
        names = [name for contract in self.contracts for name in contract.field_names]
        return tuple(dict.fromkeys([*reserved, *names, VERSION_COLUMN]))

    @property
    def introduced_in(self) -> Mapping[str, int]:
        """For each field of the latest version, the version since which it has been there without a gap, under its name."""
        return migration.introduced_in(self.contracts)

    @property
    def exempt_versions(self) -> Mapping[str, frozenset[int]]:
        """For each field of the latest version, the versions whose rows need not have it (see `migration`)."""
        return migration.exempt_versions(self.contracts)

    def sources(self, version: int) -> Mapping[str, frozenset[str]]:
        """Return for each field of the latest version the fields of an older one that migration makes it from."""
        return migration.sources(self.contract(version), self.steps[version - 1 :])

    def unused(self, version: int) -> frozenset[str]:
        """Return the fields of an older version that the latest does not have and that no migration reads."""
        used = frozenset().union(*self.sources(version).values())
        return frozenset(self.contract(version).field_names) - used

    @property
    def steps(self) -> tuple[migration.Step, ...]:
        """The migrations v1→v2, v2→v3, … to the latest."""
        return migration.chain(self.contracts)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of all versions, drafts included: everything that decides how rows are judged."""
        return self.fingerprint_at(self.latest.version)

    def fingerprint_at(self, version: int) -> str:
        """Return the fingerprint as it was when `version` was the latest; UnknownVersionError if there is none."""
        return combined_fingerprint(self.contracts[: self.contract(version).version])

    def contract(self, version: int) -> Contract:
        """Return the contract of that version; UnknownVersionError if there is none."""
        if not 1 <= version <= len(self.contracts):
            versions = f"v1 to v{len(self.contracts)}" if len(self.contracts) > 1 else "v1"
            raise UnknownVersionError(
                f"subject '{self.name}' has no v{version}, only {versions}", subject=self.name, version=version
            )
        return self.contracts[version - 1]


@dataclass(frozen=True, slots=True)
class Registry:
    """All subjects of a contracts folder, by name, in alphabetical order."""

    root: Path
    subjects: Mapping[str, Subject] = field(hash=False)

    def subject(self, name: str) -> Subject:
        """Return the subject of that name; UnknownSubjectError offers the closest names."""
        if name in self.subjects:
            return self.subjects[name]
        close = get_close_matches(name, self.subjects)
        hint = f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(self.subjects)}"
        raise UnknownSubjectError(f"unknown subject '{name}': {hint}", subject=name)
