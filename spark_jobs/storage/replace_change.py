"""Write the files of a replacement, and collect the actions of its log entry."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.storage.actions import add_action, remove_action
from spark_jobs.storage.deletion_vectors import bitmap, read_vector, vector_file, write_vectors
from spark_jobs.storage.live_files import read_live
from spark_jobs.storage.replace_plan import TouchedFile, files_to_rewrite, touched_files
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyroaring import BitMap64

    from spark_jobs.storage.key_set import KeySet
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.snapshot import Action, Snapshot
    from spark_jobs.storage.table import Table


@dataclass(slots=True)
class Change:
    """The actions of a commit, and the files that were written for it so far."""

    removed: list[Action] = field(default_factory=list)
    added: list[Action] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove the files; for a commit that was not made."""
        for path in self.written:
            path.unlink(missing_ok=True)


def plan_change(change: Change, table: Table, snapshot: Snapshot, wanted: KeySet, parts: Sequence[Part]) -> None:
    """Decide which files get a vector, are written again or only go; write what that takes and note all in ``change``."""
    files = touched_files(snapshot, wanted)
    touched = [each for each in files if each.matched]
    empty = [each for each in touched if not each.left]
    again = files_to_rewrite(snapshot, files, parts)
    vectors = [each for each in touched if each.left and each not in again]
    change.added += [add_action(part) for part in parts]
    _rewrite(table, snapshot, again, change)
    _add_vectors(snapshot, vectors, change)
    change.removed += [remove_action(each.add) for each in (*empty, *again, *vectors)]
    change.metrics = {
        "numTargetRowsInserted": sum(part.rows for part in parts),
        "numTargetRowsDeleted": sum(each.matched for each in touched),
        "numTargetRowsCopied": sum(each.left for each in again),
        "numTargetFilesAdded": len(change.added),
        "numTargetFilesRemoved": len(change.removed),
        "numTargetDeletionVectorsAdded": len(vectors),
    }


def _rewrite(table: Table, snapshot: Snapshot, files: Sequence[TouchedFile], change: Change) -> None:
    """Write the rows that stay again, a part for each partition (more for many rows), with every column that the table has."""
    whole = replace(table, schema=snapshot.schema)
    groups: dict[str, list[TouchedFile]] = defaultdict(list)
    for each in files:
        groups[json.dumps(each.add["partitionValues"], sort_keys=True)].append(each)
    for values, same in groups.items():
        target = TableWriter(whole, json.loads(values))
        for each in same:
            for rows in read_live(each.file, whole.data_schema, but=each.matches):
                target.write(rows)
        made = target.close()
        change.added += [add_action(part) for part in made]
        change.written += [Path(table.path) / part.path for part in made]


def _add_vectors(snapshot: Snapshot, files: Sequence[TouchedFile], change: Change) -> None:
    """Write vectors with the rows deleted before and those to delete now, and name the files again with them."""
    if not files:
        return
    root = Path(snapshot.path)
    described = write_vectors(root, {each.file.path: _vector(each) for each in files})
    change.written.append(vector_file(root, next(iter(described.values()))))
    for each in files:
        stats = _loose_stats(each.add.get("stats"), each.rows)
        vector = described[each.file.path]
        change.added.append({"add": {**each.add, "dataChange": True, "stats": stats, "deletionVector": vector}})


def _vector(each: TouchedFile) -> BitMap64:
    now = bitmap(each.matches)
    return now if each.file.vector is None else now | read_vector(each.file.root, each.file.vector)


def _loose_stats(stats: str | None, rows: int) -> str:
    """Return the file's statistics marked as those of more rows than the live ones. Edited as text: decimal bounds stay exact."""
    if not stats:
        return json.dumps({"numRecords": rows, "tightBounds": False})
    if "tightBounds" in json.loads(stats):
        return re.sub(r'"tightBounds"\s*:\s*true', '"tightBounds":false', stats)
    return stats.rstrip()[:-1] + ',"tightBounds":false}'
