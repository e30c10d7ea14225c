"""Choose which files are written again when rows of theirs are deleted; the others get a vector, or go if no row is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.storage.key_lookup import live_files, matching_rows
from spark_jobs.storage.live_files import NO_ROWS, LiveFile, count_rows_in
from spark_jobs.storage.table_writer import PART_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.storage.deletion_vectors import RowNumbers
    from spark_jobs.storage.key_set import KeySet
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.snapshot import Action, Snapshot

#: A file of at most this many rows costs less to write again than it costs every later reader to have one more file.
SMALL_ROWS = 32_768
#: Small files are written again up to this many rows in one commit; those beyond get vectors like large ones.
REWRITTEN_ROWS = 4 * SMALL_ROWS

#: Files of one size, the sizes growing sixteenfold from SMALL_ROWS on, are written together when there are more.
FILES_OF_A_SIZE = 16
SIZES = (SMALL_ROWS, 16 * SMALL_ROWS)

#: A file of which a greater share is deleted is written again: reading around so much costs more.
FRAGMENTED = 1 / 3
#: Fragmented files are written again up to this many rows in one commit; those beyond get vectors, and their turn comes later.
FRAGMENTED_ROWS = PART_ROWS


@dataclass(slots=True, eq=False)
class TouchedFile:
    """A live file as this commit finds it: all its rows, how many were deleted before, and the numbers of those to delete now."""

    add: Action
    file: LiveFile
    rows: int
    deleted: int
    matches: RowNumbers

    @property
    def left(self) -> int:
        """Return how many rows stay."""
        return self.rows - self.deleted - self.matched

    @property
    def matched(self) -> int:
        """Return how many rows are deleted now."""
        return len(self.matches)


def touched_files(snapshot: Snapshot, wanted: KeySet) -> list[TouchedFile]:
    """Return all live files, with the rows to delete in those that can hold any."""
    candidates = {file.path for file in live_files(snapshot, wanted)}
    found = []
    for file in live_files(snapshot):
        add = snapshot.files[file.path]
        matches = matching_rows(file, wanted) if file.path in candidates else NO_ROWS
        found.append(TouchedFile(add, file, count_rows_in(file, add.get("stats")), file.deleted_count, matches))
    return found


def files_to_rewrite(snapshot: Snapshot, files: Sequence[TouchedFile], parts: Sequence[Part]) -> list[TouchedFile]:
    """Return the files to write again: fragmented and small ones with rows to delete, and those of a size with too many files."""
    left = sorted((each for each in files if each.left), key=lambda each: each.left)
    again = [each for each in left if each.matched]
    if snapshot.allows_deletion_vectors:
        again = _up_to([each for each in again if _is_fragmented(each)], FRAGMENTED_ROWS)
    small = [each for each in left if each.matched and each.left <= SMALL_ROWS and each not in again]
    again += _up_to(small, REWRITTEN_ROWS)
    for low, high in zip((0, *SIZES), SIZES, strict=False):
        same = [each for each in left if low < each.left <= high and each not in again]
        more = sum(1 for part in parts if low < part.rows <= high)
        if len(same) > 1 and len(same) + more > FILES_OF_A_SIZE:
            again += _up_to(same, PART_ROWS)
    return again


def _is_fragmented(file: TouchedFile) -> bool:
    return file.left < (1 - FRAGMENTED) * file.rows


def _up_to(files: Sequence[TouchedFile], rows: int) -> list[TouchedFile]:
    """Return the first files that have no more rows than that together, and one at least."""
    taken: list[TouchedFile] = []
    for each in files:
        rows -= each.left
        if taken and rows < 0:
            break
        taken.append(each)
    return taken
