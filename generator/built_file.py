"""``BuiltFile``: one file ready to be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.faults import Fault


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file's bytes and, in lists with one entry for each record in order, what the manifest says of its records.

    ``ids`` are event ids or change ids, None where the record carries none. A version is None where the header is of
    none, a fault where the row is ordinary. ``kind`` is the fault of the whole file, None for a plain one; ``version``
    that of the file, None without a usable header or with rows of several.
    """

    data: bytes
    ids: list[str | None]
    versions: list[int | None]
    faults: list[Fault | None]
    kind: Fault | None
    version: int | None

    @property
    def kind_name(self) -> str | None:
        """The name of the whole file's fault; None for a plain file."""
        return self.kind.name if self.kind else None
