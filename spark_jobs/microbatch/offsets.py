"""Read from Spark's checkpoint where each batch of a query began and ended. It is plain JSON, written before a batch runs.

Spark does not force these files to disk (see ``microbatch.spark_notes``). Where the youngest are lost, Spark plans their
batches anew, and larger.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Offset = dict[str, Any]

COMPACT_ENDING = ".compact"


@dataclass(frozen=True, slots=True)
class SourceRange:
    """The range of a source that Spark hands over as a batch: after ``since`` (None: from the start) up to and with ``until``.

    ``files``: of landed files, what tells them from others (see :func:`files_listed`); a number in their log alone does not.
    """

    batch: int
    since: Offset | None
    until: Offset | None
    files: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the plain form that a journal notes."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SourceRange:
        """Return the range of that plain form."""
        return cls(**plain)

    def is_same_as(self, other: SourceRange) -> bool:
        """True if this is that range once more; never where Spark's plan does not say where it ends."""
        return self.until is not None and self == other

    def follows(self, other: SourceRange) -> bool:
        """True if this range begins where the other one ends."""
        return self.since is not None and self.since == other.until


def source_range(checkpoint: Path, batch: int) -> SourceRange:
    """Return the range that Spark hands over as the batch of this number, by its plan."""
    since, until = offset(checkpoint, batch - 1), offset(checkpoint, batch)
    return SourceRange(batch, since, until, files_listed(checkpoint, since, until))


def files_listed(checkpoint: Path, since: Offset | None, until: Offset | None) -> str:
    """Return a hash of the files between two places of the file source's log; empty where there are none, or no such log."""
    if until is None or "logOffset" not in until:
        return ""
    first = -1 if since is None else since["logOffset"]
    ordered = sorted(listed(checkpoint, first, until["logOffset"]))
    return hashlib.sha256("\0".join(ordered).encode("utf-8", "surrogateescape")).hexdigest() if ordered else ""


def offset(checkpoint: Path, batch: int) -> Offset | None:
    """Return where a batch ended in its source, the only one of the query; None where the checkpoint does not say."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        text = (checkpoint / "offsets" / str(batch)).read_text(encoding="utf-8")
        return dict(json.loads(text.splitlines()[-1]))
    return None


def last(folder: Path) -> int | None:
    """Return the newest batch that the folder (``offsets`` or ``commits``) has a file of; None where it has none."""
    return max(_numbers(folder), default=None)


def listed(checkpoint: Path, since: int, until: int) -> Iterator[str]:
    """Yield the paths of the file source's log in its entries after ``since`` up to ``until``, as far as it holds them."""
    log = checkpoint / "sources" / "0"
    compacted = [number for number in _numbers(log, COMPACT_ENDING) if number <= until]
    start = max([since, *[number for number in compacted if number > since]])
    names = [f"{start}{COMPACT_ENDING}"] if start > since else []
    names += [str(number) for number in _numbers(log) if start < number <= until]
    for name in names:
        with (log / name).open(encoding="utf-8") as lines:
            for line in itertools.islice(lines, 1, None):
                # a compact entry holds all files there ever were: of most lines no more than the end is looked at
                if since < int(line.rpartition('"batchId":')[2].strip(" }\n")) <= until:
                    yield unquote(json.loads(line)["path"]).removeprefix("file://")


def _numbers(folder: Path, ending: str = "") -> list[int]:
    """Return the numbers, ascending, of which a folder of the checkpoint has a file that is not empty."""
    found = [path for path in folder.glob(f"*{ending}") if path.name.removesuffix(ending).isdecimal()]
    return sorted(int(path.name.removesuffix(ending)) for path in found if path.stat().st_size)
