"""A Dockerfile, read far enough to hold it against what it says it does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

DOCKER = Path(__file__).resolve().parents[2] / "docker"
Instruction = tuple[str, str]


class Stage(NamedTuple):
    """A stage: what it starts from, and its instructions as (keyword, rest)."""

    base: str
    instructions: tuple[Instruction, ...]

    def last(self, keyword: str) -> str | None:
        """What the last instruction of that keyword says."""
        return next((rest for word, rest in reversed(self.instructions) if word == keyword), None)


def stages(file: Path = DOCKER / "Dockerfile") -> dict[str, Stage]:
    """The stages by name; lines that go on are joined."""
    text = "\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found: dict[str, Stage] = {}
    for line in text.replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()  # type: ignore[union-attr]
            found[name] = Stage(base, ())
        elif keyword:
            found[name] = found[name]._replace(instructions=(*found[name].instructions, (keyword, rest.strip())))
    return found


def copied(stage: Stage) -> list[str]:
    """What a stage takes from the project."""
    lines = [shlex.split(rest) for word, rest in stage.instructions if word == "COPY"]
    return [path for line in lines if not line[0].startswith("--from=") for path in line[:-1]]


def variables(stage: Stage) -> dict[str, str]:
    """What a stage sets in the environment."""
    lines = [rest for word, rest in stage.instructions if word == "ENV"]
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))
