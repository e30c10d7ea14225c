"""The SQL files that make what the contracts do not: versioned ones, applied once, and repeatable ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"([VR])(\d+)__(\w+)\.sql")


def files(kind: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, name and text of the files of that kind, V or R, in order."""
    for path in sorted(Path(__file__).parent.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is not None and match[1] == kind:
            yield int(match[2]), match[3], path.read_text(encoding="utf-8")
