"""Checkpoints of streaming queries, as Spark writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def checkpoint_of(root: Path, offsets: int, commits: int, seen: int) -> Path:
    """A checkpoint as Spark leaves it: so many batches planned, done, and listings of files."""
    (root / "metadata").write_text('{"id":"q"}')
    for folder, count in (("offsets", offsets), ("commits", commits), ("sources/0", seen)):
        (root / folder).mkdir(parents=True)
        for number in range(count):
            body = {"offsets": f'v1\n{{"conf":{{}}}}\n{{"logOffset":{number}}}', "commits": 'v1\n{"x":0}'}
            (root / folder / f"{number}").write_text(body.get(folder, 'v1\n{"path":"a"}'))
            (root / folder / f".{number}.crc").write_bytes(b"crc")
    return root


def plans_and_commits(root: Path) -> tuple[list[str], list[str]]:
    """Return the batches of which there is a plan, and those noted as done."""
    named = [
        sorted(path.name for path in (root / name).iterdir() if path.name.isdecimal())
        for name in ("offsets", "commits")
    ]
    return named[0], named[1]


def write_listings(checkpoint: Path, entries: dict[str, list[tuple[Path, int]]]) -> None:
    """Write entries of the file source's log: by name, files and the batch of each."""
    for name, files in entries.items():
        lines = [json.dumps({"path": path.as_uri(), "timestamp": 1, "batchId": number}) for path, number in files]
        _write_lines(checkpoint / "sources" / "0" / name, ["v1", *lines])


def write_note(path: Path, offset: dict[str, Any]) -> None:
    """Write the plan of a batch that ends at this offset, or that a batch is done."""
    _write_lines(path, ["v1", "{}", json.dumps(offset)])


def _write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
