"""Errors of the registry, and the place in a contract that they name.

ContractError                a contract, lock or folder that cannot be used
├─ UnknownSubjectError       no such subject in the registry
└─ UnknownVersionError       no such version of the subject
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from config.errors import UsageError


class ContractError(UsageError):
    """One sentence that names the thing and the way out; `file`, `subject`, `version`, `field` say where."""

    has_lines = True

    def __init__(
        self,
        problem: str,
        *,
        file: Path | None = None,
        subject: str | None = None,
        version: int | None = None,
        field: str | None = None,
        label: str = "field",
    ) -> None:
        self.problem = problem
        self.file = file
        self.subject = subject
        self.version = version
        self.field = field
        place = [] if file is None else [_shown(file)]
        place += [] if field is None else [f"{label} '{field}'"]
        super().__init__(": ".join([*place, problem]))


class UnknownSubjectError(ContractError):
    """A subject that no folder of the registry describes; the message offers the closest names."""


class UnknownVersionError(ContractError):
    """A version that the subject does not have."""


@dataclass(frozen=True, slots=True)
class Where:
    """The place in a contract that is being read, so that an error can name it.

    `label` says what `field` names: a field, a rule, a derived column or a migration entry.
    """

    file: Path | None = None
    subject: str | None = None
    version: int | None = None
    field: str | None = None
    label: str = "field"

    def at(self, field: str, label: str = "field") -> Where:
        """Return the place of one field (or rule, …) in the same file."""
        return replace(self, field=field, label=label)

    def error(self, problem: str) -> ContractError:
        """Return the error to raise for this place."""
        return ContractError(
            problem, file=self.file, subject=self.subject, version=self.version, field=self.field, label=self.label
        )


def _shown(file: Path) -> str:
    """Return the path relative to the working directory if it is below it, else as it is."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
