"""Examples: rows as received beside what a subject's contracts must make of them. Data for tests, no part of a contract.

contracts/
  <subject>/
    examples/*.yaml     each a list of cases: name, row, verdict, and where wanted version, ingested_at, reasons, values
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_registry import yaml_file
from schema_registry.errors import Where
from schema_registry.example import read_example
from schema_registry.yaml_values import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_registry.example import Example
    from schema_registry.subject import Subject

FOLDER = "examples"
"""The folder beside the contracts."""

MOST_BYTES = 1024 * 1024
"""Of one file."""
MOST_CASES = 1_000
"""Of one subject; all are judged in one batch."""


def load(folder: Path, subject: Subject) -> tuple[Example, ...]:
    """Return the examples in a subject's folder, file by file; none where there are none.

    ContractError names the file, the case and what was expected, for the first thing that is out of form.
    """
    found: dict[str, Example] = {}
    for file in _files(folder / FOLDER, subject.name):
        for example in _cases(file, subject):
            if example.name in found:
                other = found[example.name].file.name
                raise Where(file, subject.name).at(example.name, "case").error(f"the name is taken by one in {other}")
            if len(found) == MOST_CASES:
                raise Where(file, subject.name).error(f"a subject may have {MOST_CASES:,} cases, and this has more")
            found[example.name] = example
    return tuple(found.values())


def _files(folder: Path, subject: str) -> list[Path]:
    if not folder.exists():
        return []
    if not folder.is_dir():
        raise Where(folder, subject).error("must be a folder of .yaml files")
    files = [file for file in yaml_file.visible(folder) if file.name != "README.md"]
    for file in files:
        if file.suffix != ".yaml" or not file.is_file():
            raise Where(file, subject).error("expected only .yaml files among the examples: rename it")
        if file.stat().st_size > MOST_BYTES:
            raise Where(file, subject).error(f"a file may have {MOST_BYTES:,} bytes, and this has more: split it")
    return files


def _cases(file: Path, subject: Subject) -> Iterator[Example]:
    where = Where(file, subject.name)
    content = yaml_file.read_any(where)
    if not isinstance(content, list) or not content:
        raise where.error(f"must be a list of cases, each with name, row and verdict, got {_kind(content)}")
    for number, body in enumerate(content, 1):
        yield read_example(file, body, where.at(_name(body, number), "case"), subject)


def _kind(content: object) -> str:
    return "a mapping" if isinstance(content, dict) else "an empty list" if content == [] else shown(content)


def _name(body: object, number: int) -> str:
    """The case's name, for messages; where it has none, its number from 1."""
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else str(number)
